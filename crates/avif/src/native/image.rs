use std::marker::PhantomData;
use std::ptr::NonNull;

use model::{Chroma, PlanarImage, Samples, Shape};

use super::result::check;
use super::sys;
use crate::error::Error;

/// An avifImage whose planes belong to a `PlanarImage`. The planes are not copied.
pub(crate) struct Image<'image> {
    pub(super) raw: NonNull<sys::avifImage>,
    planes: PhantomData<&'image PlanarImage>,
}

impl<'image> Image<'image> {
    /// Creates an avifImage that refers to the planes. The color description is copied.
    pub(crate) fn from_planar(planar: &'image PlanarImage) -> Result<Self, Error> {
        let Shape { width, height, depth, chroma } = planar.shape();
        // SAFETY: the function takes no arguments. The result is checked for null.
        let raw = NonNull::new(unsafe { sys::avifImageCreateEmpty() });
        let raw = raw.ok_or(Error::OutOfMemory { call: "avifImageCreateEmpty" })?;
        let mut image = Self { raw, planes: PhantomData };
        let fields = image.fields();
        fields.width = width;
        fields.height = height;
        fields.depth = depth.bits();
        fields.yuvFormat = pixel_format(chroma);
        let cicp = planar.color().cicp;
        fields.yuvRange = if cicp.full_range { sys::AVIF_RANGE_FULL } else { sys::AVIF_RANGE_LIMITED };
        fields.colorPrimaries = cicp.primaries;
        fields.transferCharacteristics = cicp.transfer;
        fields.matrixCoefficients = cicp.matrix;
        for (plane, samples) in planar.planes().iter().enumerate() {
            let (width, _) = planar.shape().plane_size(plane);
            fields.yuvPlanes[plane] = plane_pointer(samples);
            fields.yuvRowBytes[plane] = width * bytes_per_sample(samples);
        }
        if let Some(alpha) = planar.alpha() {
            fields.alphaPlane = plane_pointer(alpha);
            fields.alphaRowBytes = width * bytes_per_sample(alpha);
        }
        if let Some(icc) = &planar.color().icc {
            // SAFETY: the image is alive, and the slice is valid for its length; libavif copies it.
            let result = unsafe { sys::avifImageSetProfileICC(image.raw.as_ptr(), icc.as_ptr(), icc.len()) };
            check("avifImageSetProfileICC", result)?;
        }
        Ok(image)
    }

    /// Attaches Exif, starting at its TIFF header.
    pub(crate) fn set_exif(&mut self, exif: &[u8]) -> Result<(), Error> {
        // SAFETY: the image is alive, and the slice is valid for its length; libavif copies it.
        let result = unsafe { sys::avifImageSetMetadataExif(self.raw.as_ptr(), exif.as_ptr(), exif.len()) };
        check("avifImageSetMetadataExif", result)
    }

    /// Attaches XMP.
    pub(crate) fn set_xmp(&mut self, xmp: &[u8]) -> Result<(), Error> {
        // SAFETY: the image is alive, and the slice is valid for its length; libavif copies it.
        let result = unsafe { sys::avifImageSetMetadataXMP(self.raw.as_ptr(), xmp.as_ptr(), xmp.len()) };
        check("avifImageSetMetadataXMP", result)
    }

    /// Always fails, because the bundled libavif cannot write gain maps.
    #[cfg(not(feature = "system"))]
    #[expect(clippy::unused_self, clippy::needless_pass_by_ref_mut, reason = "the signature of the feature `system`")]
    pub(crate) fn set_gain_map(&mut self, _map: &crate::gain_map::GainMap) -> Result<(), Error> {
        Err(Error::UnsupportedInput("a gain map"))
    }

    pub(super) fn fields(&mut self) -> &mut sys::avifImage {
        // SAFETY: the object is alive until drop and is used only through this handle.
        unsafe { self.raw.as_mut() }
    }
}

impl Drop for Image<'_> {
    fn drop(&mut self) {
        // The planes belong to the PlanarImage: avifImageCreateEmpty sets imageOwns* to false. SAFETY: the object was
        // created by avifImageCreateEmpty and is freed only here.
        unsafe { sys::avifImageDestroy(self.raw.as_ptr()) };
    }
}

fn pixel_format(chroma: Chroma) -> sys::avifPixelFormat {
    match chroma {
        Chroma::Monochrome => sys::AVIF_PIXEL_FORMAT_YUV400,
        Chroma::Yuv420 => sys::AVIF_PIXEL_FORMAT_YUV420,
        Chroma::Yuv422 => sys::AVIF_PIXEL_FORMAT_YUV422,
        Chroma::Yuv444 => sys::AVIF_PIXEL_FORMAT_YUV444,
    }
}

/// Returns the address of a plane's first sample. libavif's field is not const, but an encoder only reads through it.
fn plane_pointer(samples: &Samples) -> *mut u8 {
    match samples {
        Samples::U8(samples) => samples.as_ptr().cast_mut(),
        Samples::U16(samples) => samples.as_ptr().cast::<u8>().cast_mut(),
    }
}

fn bytes_per_sample(samples: &Samples) -> u32 {
    match samples {
        Samples::U8(_) => 1,
        Samples::U16(_) => 2,
    }
}
