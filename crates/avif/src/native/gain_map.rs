//! Writes gain maps. libavif has this API from version 1.2 on.

use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use model::Depth;

use super::image::Image;
use super::result::check;
use super::sys;
use crate::error::Error;
use crate::gain_map::{GainMap, GainMapChannel, GainMapMetadata, SignedFraction, UnsignedFraction};

impl<'image> Image<'image> {
    /// Attaches a gain map. The planes of the gain map are not copied.
    pub(crate) fn set_gain_map(&mut self, map: &'image GainMap) -> Result<(), Error> {
        let image = Image::from_planar(&map.image)?;
        // SAFETY: the function takes no arguments. The result is checked for null.
        let raw = NonNull::new(unsafe { sys::avifGainMapCreate() });
        let mut raw = raw.ok_or(Error::OutOfMemory { call: "avifGainMapCreate" })?;
        // SAFETY: the gain map was created above, and there is no other reference to it.
        let fields = unsafe { raw.as_mut() };
        // The avifImage owns its gain map, and the gain map owns its own avifImage. Each object is freed together with
        // its owner.
        self.fields().gainMap = raw.as_ptr();
        fields.image = ManuallyDrop::new(image).raw.as_ptr();
        set_metadata(fields, &map.metadata);
        let cicp = map.alternate.cicp;
        fields.altColorPrimaries = cicp.primaries;
        fields.altTransferCharacteristics = cicp.transfer;
        fields.altMatrixCoefficients = cicp.matrix;
        fields.altYUVRange = if cicp.full_range { sys::AVIF_RANGE_FULL } else { sys::AVIF_RANGE_LIMITED };
        fields.altDepth = Depth::Ten.bits();
        fields.altPlaneCount = 3;
        if let Some(icc) = &map.alternate.icc {
            // SAFETY: the gain map is alive, and the slice is valid for its length; libavif copies it.
            let result = unsafe { sys::avifRWDataSet(&raw mut fields.altICC, icc.as_ptr(), icc.len()) };
            check("avifRWDataSet", result)?;
        }
        Ok(())
    }
}

fn set_metadata(fields: &mut sys::avifGainMap, metadata: &GainMapMetadata) {
    for (index, channel) in metadata.channels.iter().enumerate() {
        let GainMapChannel { min, max, gamma, base_offset, alternate_offset } = *channel;
        fields.gainMapMin[index] = signed(min);
        fields.gainMapMax[index] = signed(max);
        fields.gainMapGamma[index] = unsigned(gamma);
        fields.baseOffset[index] = signed(base_offset);
        fields.alternateOffset[index] = signed(alternate_offset);
    }
    fields.baseHdrHeadroom = unsigned(metadata.base_headroom);
    fields.alternateHdrHeadroom = unsigned(metadata.alternate_headroom);
    fields.useBaseColorSpace = metadata.uses_base_color_space.into();
}

fn signed((n, d): SignedFraction) -> sys::avifSignedFraction {
    sys::avifSignedFraction { n, d }
}

fn unsigned((n, d): UnsignedFraction) -> sys::avifUnsignedFraction {
    sys::avifUnsignedFraction { n, d }
}
