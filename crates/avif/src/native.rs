//! The workspace's only unsafe code: libavif's objects as owning handles.
//!
//! Every handle owns one C object, made non-null at birth and freed once, on drop. Every result code is checked.
#![expect(unsafe_code, reason = "this is the one module that talks to C")]

use std::ffi::{CStr, CString};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::slice;

use model::{Chroma, Picture, Samples, Shape};

use crate::settings::Codec;
use crate::{Error, Settings};

mod decoder;
mod pixels;

pub(crate) use decoder::Decoder;

#[cfg(not(feature = "system"))]
use libavif_sys as sys;

#[cfg(feature = "system")]
#[expect(
    clippy::all,
    clippy::pedantic,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unreachable_pub,
    unused_qualifications,
    reason = "generated from libavif's header"
)]
#[allow(dead_code, unsafe_op_in_unsafe_fn, reason = "generated from libavif's header; which of these apply varies")]
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
    // Each thread would keep what it once freed for itself, and an encoder's threads are new with every picture.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt takes two numbers, and may be called at any time (mallopt(3)).
    return unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) } == 1;
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    false
}

/// An avifImage that points at a picture's planes without copying them.
pub(crate) struct Image<'picture> {
    raw: NonNull<sys::avifImage>,
    planes: PhantomData<&'picture Picture>,
}

impl<'picture> Image<'picture> {
    /// Points at the planes and copies the colour description.
    pub(crate) fn borrowing(picture: &'picture Picture) -> Result<Self, Error> {
        let Shape { width, height, depth, chroma } = picture.shape();
        // SAFETY: takes nothing; null is checked next.
        let raw = NonNull::new(unsafe { sys::avifImageCreateEmpty() });
        let raw = raw.ok_or(Error::OutOfMemory { call: "avifImageCreateEmpty" })?;
        let mut image = Self { raw, planes: PhantomData };
        let fields = image.fields();
        fields.width = width;
        fields.height = height;
        fields.depth = depth.bits();
        fields.yuvFormat = pixel_format(chroma);
        let cicp = picture.color().cicp;
        fields.yuvRange = if cicp.full_range { sys::AVIF_RANGE_FULL } else { sys::AVIF_RANGE_LIMITED };
        fields.colorPrimaries = cicp.primaries;
        fields.transferCharacteristics = cicp.transfer;
        fields.matrixCoefficients = cicp.matrix;
        for (plane, samples) in picture.planes().iter().enumerate() {
            let (width, _) = picture.shape().plane_size(plane);
            fields.yuvPlanes[plane] = address(samples);
            fields.yuvRowBytes[plane] = width * sample_bytes(samples);
        }
        if let Some(alpha) = picture.alpha() {
            fields.alphaPlane = address(alpha);
            fields.alphaRowBytes = width * sample_bytes(alpha);
        }
        if let Some(icc) = &picture.color().icc {
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

    fn fields(&mut self) -> &mut sys::avifImage {
        // SAFETY: the object is alive until drop and reached through this handle alone.
        unsafe { self.raw.as_mut() }
    }
}

impl Drop for Image<'_> {
    fn drop(&mut self) {
        // The planes are the picture's: imageOwns* was left false by avifImageCreateEmpty.
        // SAFETY: made by avifImageCreateEmpty, freed only here.
        unsafe { sys::avifImageDestroy(self.raw.as_ptr()) };
    }
}

/// An avifEncoder.
pub(crate) struct Encoder {
    raw: NonNull<sys::avifEncoder>,
}

impl Encoder {
    /// An encoder with these settings; options come after.
    pub(crate) fn new(codec: Codec, settings: &Settings) -> Result<Self, Error> {
        // SAFETY: takes nothing; null is checked next.
        let raw = NonNull::new(unsafe { sys::avifEncoderCreate() });
        let mut encoder = Self { raw: raw.ok_or(Error::OutOfMemory { call: "avifEncoderCreate" })? };
        // SAFETY: the object is alive and reached through this handle alone.
        let fields = unsafe { encoder.raw.as_mut() };
        fields.codecChoice = choice(codec);
        fields.maxThreads = i32::try_from(settings.threads.get()).unwrap_or(i32::MAX);
        fields.speed = i32::from(settings.speed.number());
        fields.quality = i32::from(settings.quality.number());
        fields.qualityAlpha = LOSSLESS;
        Ok(encoder)
    }

    /// Sets one of the codec's own options.
    pub(crate) fn set_option(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let c_name = CString::new(name).map_err(|_| Error::Option(name.to_owned()))?;
        let c_value = CString::new(value).map_err(|_| Error::Option(name.to_owned()))?;
        // SAFETY: the encoder is alive; both strings are NUL-terminated and copied by libavif.
        let result =
            unsafe { sys::avifEncoderSetCodecSpecificOption(self.raw.as_ptr(), c_name.as_ptr(), c_value.as_ptr()) };
        check("avifEncoderSetCodecSpecificOption", result)
    }

    /// Encodes one still picture.
    pub(crate) fn write(self, image: &Image<'_>) -> Result<Vec<u8>, Error> {
        let mut output = Output(sys::avifRWData { data: ptr::null_mut(), size: 0 });
        // SAFETY: encoder, image and output are alive; the planes behind the image are only read and outlive the call.
        let result = unsafe { sys::avifEncoderWrite(self.raw.as_ptr(), image.raw.as_ptr(), &raw mut output.0) };
        // SAFETY: the encoder is alive until drop.
        let diagnostics = unsafe { self.raw.as_ref() }.diag.error;
        explain("avifEncoderWrite", result, &text(diagnostics.as_ptr()))?;
        Ok(bytes(&output.0).unwrap_or_default())
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: made by avifEncoderCreate, freed only here.
        unsafe { sys::avifEncoderDestroy(self.raw.as_ptr()) };
    }
}

/// Bytes that libavif allocated.
struct Output(sys::avifRWData);

impl Drop for Output {
    fn drop(&mut self) {
        // SAFETY: empty or allocated by libavif, freed only here.
        unsafe { sys::avifRWDataFree(&raw mut self.0) };
    }
}

/// libavif's `AVIF_QUALITY_LOSSLESS`, whose type differs between bindings.
const LOSSLESS: i32 = 100;

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
    // SAFETY: libavif guarantees `size` initialised bytes at `data`.
    Some(unsafe { slice::from_raw_parts(data.data, data.size) }.to_vec())
}
