//! Gain maps, which libavif has had as they are since 1.2.

use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use model::Depth;

use super::{Image, check, sys};
use crate::{Channel, Error, Gain, GainMap, Signed, Unsigned};

impl<'image> Image<'image> {
    /// Attaches a gain map, whose planes are not copied.
    pub(crate) fn set_gain_map(&mut self, map: &'image GainMap) -> Result<(), Error> {
        let image = Image::borrowing(&map.image)?;
        // SAFETY: takes nothing; null is checked next.
        let raw = NonNull::new(unsafe { sys::avifGainMapCreate() });
        let mut raw = raw.ok_or(Error::OutOfMemory { call: "avifGainMapCreate" })?;
        // SAFETY: it was made just now, and nobody else knows it.
        let fields = unsafe { raw.as_mut() };
        // An image owns its gain map, and that the image in it: each is freed with its owner.
        self.fields().gainMap = raw.as_ptr();
        fields.image = ManuallyDrop::new(image).raw.as_ptr();
        describe(fields, &map.gain);
        let cicp = map.alternate.cicp;
        fields.altColorPrimaries = cicp.primaries;
        fields.altTransferCharacteristics = cicp.transfer;
        fields.altMatrixCoefficients = cicp.matrix;
        fields.altYUVRange = if cicp.full_range { sys::AVIF_RANGE_FULL } else { sys::AVIF_RANGE_LIMITED };
        fields.altDepth = Depth::Ten.bits();
        fields.altPlaneCount = 3;
        if let Some(icc) = &map.alternate.icc {
            // SAFETY: the gain map is alive, the slice is valid for its length; libavif copies it.
            let result = unsafe { sys::avifRWDataSet(&raw mut fields.altICC, icc.as_ptr(), icc.len()) };
            check("avifRWDataSet", result)?;
        }
        Ok(())
    }
}

fn describe(fields: &mut sys::avifGainMap, gain: &Gain) {
    for (index, channel) in gain.channels.iter().enumerate() {
        let Channel { min, max, gamma, base_offset, alternate_offset } = *channel;
        fields.gainMapMin[index] = signed(min);
        fields.gainMapMax[index] = signed(max);
        fields.gainMapGamma[index] = unsigned(gamma);
        fields.baseOffset[index] = signed(base_offset);
        fields.alternateOffset[index] = signed(alternate_offset);
    }
    fields.baseHdrHeadroom = unsigned(gain.base_headroom);
    fields.alternateHdrHeadroom = unsigned(gain.alternate_headroom);
    fields.useBaseColorSpace = gain.in_base_colors.into();
}

fn signed((n, d): Signed) -> sys::avifSignedFraction {
    sys::avifSignedFraction { n, d }
}

fn unsigned((n, d): Unsigned) -> sys::avifUnsignedFraction {
    sys::avifUnsignedFraction { n, d }
}
