//! The workspace's only unsafe code: libavif's objects as owning handles.
//!
//! Every handle owns one C object, made non-null at birth and freed once, on drop. Every result code is checked.
#![expect(unsafe_code, reason = "this is the one module that talks to C")]

mod decoder;
mod encoder;
#[cfg(feature = "system")]
mod gain_map;
mod pixels;

use std::ffi::CStr;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::slice;

use model::{Chroma, PlanarImage, Samples, Shape};

use crate::Error;
use crate::settings::Codec;

pub(crate) use decoder::Decoder;
pub(crate) use encoder::Encoder;

#[cfg(not(feature = "system"))]
use libavif_sys as sys;

#[cfg(feature = "system")]
#[allow(
    clippy::all,
    clippy::pedantic,
    dead_code,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unreachable_pub,
    unsafe_op_in_unsafe_fn,
    unused_qualifications,
    reason = "generated from libavif's header; which of these apply varies with bindgen and the compiler"
)]
mod sys {
    include!(concat!(env!("OUT_DIR"), "/libavif.rs"));
}

/// libavif's version.
pub(crate) fn version() -> String {
    // SAFETY: avifVersion takes nothing and returns a static, NUL-terminated string.
    text(unsafe { sys::avifVersion() })
}

/// libavif's codecs and their versions.
pub(crate) fn codec_versions() -> String {
    // avif.h: the buffer must be 256 bytes long.
    let mut buffer = [0; 256];
    // SAFETY: the buffer is writable and of the length the function demands.
    unsafe { sys::avifCodecVersions(buffer.as_mut_ptr()) };
    text(buffer.as_ptr())
}

/// Whether libavif was linked with that encoder.
pub(crate) fn can_encode_with(codec: Codec) -> bool {
    // SAFETY: both arguments are valid values of their enums; the result is null or a static string, and not kept.
    let name = unsafe { sys::avifCodecName(choice(codec), sys::AVIF_CODEC_FLAG_CAN_ENCODE) };
    !name.is_null()
}

/// Has every thread that is started from now on allocate from the memory that the others share. Says no where the C
/// library has no such choice.
pub(crate) fn share_memory() -> bool {
    // Each thread would keep what it once freed for itself, and an encoder's threads are new with every image.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt takes two numbers, and may be called at any time (mallopt(3)).
    return unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) } == 1;
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    false
}

/// Has SVT-AV1 write errors alone, unless the environment says otherwise, if nobody else can be reading the environment.
/// Says whether that is so.
pub(crate) fn quiet_encoders() -> bool {
    // SVT-AV1 asks the environment for its level, and takes no callback; 1 is SVT_LOG_ERROR.
    #[cfg(target_os = "linux")]
    {
        let alone = std::fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() == 1);
        // SAFETY: both are strings of C; this is the only thread of the process, so nothing reads the environment meanwhile.
        alone && unsafe { libc::setenv(c"SVT_LOG".as_ptr(), c"1".as_ptr(), 0) } == 0
    }
    #[cfg(not(target_os = "linux"))]
    false
}

/// An avifImage that points at an image's planes without copying them.
pub(crate) struct Image<'image> {
    raw: NonNull<sys::avifImage>,
    planes: PhantomData<&'image PlanarImage>,
}

impl<'image> Image<'image> {
    /// Points at the planes and copies the color description.
    pub(crate) fn borrowing(planar: &'image PlanarImage) -> Result<Self, Error> {
        let Shape { width, height, depth, chroma } = planar.shape();
        // SAFETY: takes nothing; null is checked next.
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
            fields.yuvPlanes[plane] = address(samples);
            fields.yuvRowBytes[plane] = width * sample_bytes(samples);
        }
        if let Some(alpha) = planar.alpha() {
            fields.alphaPlane = address(alpha);
            fields.alphaRowBytes = width * sample_bytes(alpha);
        }
        if let Some(icc) = &planar.color().icc {
            // SAFETY: the image is alive, the slice is valid for its length; libavif copies it.
            let result = unsafe { sys::avifImageSetProfileICC(image.raw.as_ptr(), icc.as_ptr(), icc.len()) };
            check("avifImageSetProfileICC", result)?;
        }
        Ok(image)
    }

    /// Attaches Exif, from its TIFF header on.
    pub(crate) fn set_exif(&mut self, exif: &[u8]) -> Result<(), Error> {
        // SAFETY: the image is alive, the slice is valid for its length; libavif copies it.
        let result = unsafe { sys::avifImageSetMetadataExif(self.raw.as_ptr(), exif.as_ptr(), exif.len()) };
        check("avifImageSetMetadataExif", result)
    }

    /// Attaches XMP.
    pub(crate) fn set_xmp(&mut self, xmp: &[u8]) -> Result<(), Error> {
        // SAFETY: the image is alive, the slice is valid for its length; libavif copies it.
        let result = unsafe { sys::avifImageSetMetadataXMP(self.raw.as_ptr(), xmp.as_ptr(), xmp.len()) };
        check("avifImageSetMetadataXMP", result)
    }

    /// The bundled libavif is older than gain maps are.
    #[cfg(not(feature = "system"))]
    #[expect(clippy::unused_self, clippy::needless_pass_by_ref_mut, reason = "newer ones write to it")]
    pub(crate) fn set_gain_map(&mut self, _map: &crate::GainMap) -> Result<(), Error> {
        Err(Error::Unwritable("a gain map"))
    }

    fn fields(&mut self) -> &mut sys::avifImage {
        // SAFETY: the object is alive until drop and reached through this handle alone.
        unsafe { self.raw.as_mut() }
    }
}

impl Drop for Image<'_> {
    fn drop(&mut self) {
        // The planes are the image's: imageOwns* was left false by avifImageCreateEmpty.
        // SAFETY: made by avifImageCreateEmpty, freed only here.
        unsafe { sys::avifImageDestroy(self.raw.as_ptr()) };
    }
}

fn choice(codec: Codec) -> sys::avifCodecChoice {
    match codec {
        Codec::Aom => sys::AVIF_CODEC_CHOICE_AOM,
        Codec::Svt => sys::AVIF_CODEC_CHOICE_SVT,
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

/// Where a plane begins. libavif's field is not const, but an encoder only reads it.
fn address(samples: &Samples) -> *mut u8 {
    match samples {
        Samples::U8(samples) => samples.as_ptr().cast_mut(),
        Samples::U16(samples) => samples.as_ptr().cast::<u8>().cast_mut(),
    }
}

fn sample_bytes(samples: &Samples) -> u32 {
    match samples {
        Samples::U8(_) => 1,
        Samples::U16(_) => 2,
    }
}

fn check(call: &'static str, result: sys::avifResult) -> Result<(), Error> {
    explain(call, result, "")
}

fn explain(call: &'static str, result: sys::avifResult, diagnostics: &str) -> Result<(), Error> {
    if result == sys::AVIF_RESULT_OK {
        return Ok(());
    }
    if result == sys::AVIF_RESULT_OUT_OF_MEMORY {
        return Err(Error::OutOfMemory { call });
    }
    // SAFETY: any value is accepted; the result is a static, NUL-terminated string.
    let name = text(unsafe { sys::avifResultToString(result) });
    let message = if diagnostics.is_empty() { name } else { format!("{name}: {diagnostics}") };
    Err(Error::Library { call, message })
}

/// A C string of libavif's, which is never null and ends within its buffer.
fn text(string: *const std::ffi::c_char) -> String {
    // SAFETY: the callers pass libavif's static strings, or its buffers, which it terminates.
    unsafe { CStr::from_ptr(string) }.to_string_lossy().into_owned()
}

fn bytes(data: &sys::avifRWData) -> Option<Vec<u8>> {
    if data.data.is_null() || data.size == 0 {
        return None;
    }
    // SAFETY: libavif guarantees `size` initialized bytes at `data`.
    Some(unsafe { slice::from_raw_parts(data.data, data.size) }.to_vec())
}
