//! The workspace's only unsafe code: libavif's objects as owning handles.
//!
//! Every handle owns one C object, made non-null at birth and freed once, on drop. Every result code is checked.
#![expect(unsafe_code, reason = "this is the one module that talks to C")]

mod encoder;

use std::ffi::CStr;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::slice;

use model::{Chroma, Cicp, Color, Depth, Picture, Samples, Shape};

use crate::settings::Codec;
use crate::{Attached, Decoded, Error, Orientation};

pub(crate) use encoder::Encoder;

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

/// An avifDecoder.
pub(crate) struct Decoder {
    raw: NonNull<sys::avifDecoder>,
}

impl Decoder {
    /// A decoder that refuses pictures of more pixels.
    pub(crate) fn new(max_pixels: u32) -> Result<Self, Error> {
        // SAFETY: takes nothing; null is checked next.
        let raw = NonNull::new(unsafe { sys::avifDecoderCreate() });
        let mut decoder = Self { raw: raw.ok_or(Error::OutOfMemory { call: "avifDecoderCreate" })? };
        // SAFETY: the object is alive and reached through this handle alone.
        let fields = unsafe { decoder.raw.as_mut() };
        // libavif refuses limits above its default.
        fields.imageSizeLimit = max_pixels.clamp(1, sys::AVIF_DEFAULT_IMAGE_SIZE_LIMIT);
        Ok(decoder)
    }

    /// Reads the first picture.
    pub(crate) fn read(self, file: &[u8]) -> Result<Decoded, Error> {
        // SAFETY: the decoder is alive; the slice outlives this function, and the decoder ends with it.
        let result = unsafe { sys::avifDecoderSetIOMemory(self.raw.as_ptr(), file.as_ptr(), file.len()) };
        check("avifDecoderSetIOMemory", result)?;
        // SAFETY: the decoder is alive and has its input.
        let result = unsafe { sys::avifDecoderParse(self.raw.as_ptr()) };
        explain("avifDecoderParse", result, &self.diagnostics())?;
        // SAFETY: the decoder is alive and has parsed its input.
        let result = unsafe { sys::avifDecoderNextImage(self.raw.as_ptr()) };
        explain("avifDecoderNextImage", result, &self.diagnostics())?;
        // SAFETY: the decoder is alive until drop.
        let fields = unsafe { self.raw.as_ref() };
        // SAFETY: after a decoded image the decoder holds it, or null, which is checked next.
        let image = unsafe { fields.image.as_ref() };
        let image = image.ok_or(Error::OutOfMemory { call: "avifDecoderNextImage" })?;
        Ok(Decoded {
            picture: picture(image)?,
            attached: Attached { exif: bytes(&image.exif), xmp: bytes(&image.xmp) },
            orientation: orientation(image),
            frames: u32::try_from(fields.imageCount).unwrap_or(0),
        })
    }

    fn diagnostics(&self) -> String {
        // SAFETY: the decoder is alive until drop.
        let diagnostics = unsafe { self.raw.as_ref() }.diag.error;
        text(diagnostics.as_ptr())
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: made by avifDecoderCreate, freed only here.
        unsafe { sys::avifDecoderDestroy(self.raw.as_ptr()) };
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
    // SAFETY: libavif guarantees `size` initialised bytes at `data`.
    Some(unsafe { slice::from_raw_parts(data.data, data.size) }.to_vec())
}

fn picture(image: &sys::avifImage) -> Result<Picture, Error> {
    let depth = match image.depth {
        8 => Depth::Eight,
        10 => Depth::Ten,
        12 => Depth::Twelve,
        value => return Err(Error::Unknown { what: "depth", value }),
    };
    let chroma = match image.yuvFormat {
        sys::AVIF_PIXEL_FORMAT_YUV400 => Chroma::Monochrome,
        sys::AVIF_PIXEL_FORMAT_YUV420 => Chroma::Yuv420,
        sys::AVIF_PIXEL_FORMAT_YUV422 => Chroma::Yuv422,
        sys::AVIF_PIXEL_FORMAT_YUV444 => Chroma::Yuv444,
        value => return Err(Error::Unknown { what: "pixel format", value }),
    };
    let shape = Shape { width: image.width, height: image.height, depth, chroma };
    let planes = (0..chroma.planes())
        .map(|plane| {
            let (width, height) = shape.plane_size(plane);
            samples(image.yuvPlanes[plane], image.yuvRowBytes[plane], width, height, depth)
        })
        .collect();
    let alpha = (!image.alphaPlane.is_null())
        .then(|| samples(image.alphaPlane, image.alphaRowBytes, image.width, image.height, depth));
    let cicp = Cicp {
        primaries: image.colorPrimaries,
        transfer: image.transferCharacteristics,
        matrix: image.matrixCoefficients,
        full_range: image.yuvRange == sys::AVIF_RANGE_FULL,
    };
    Ok(Picture::new(shape, planes, alpha, Color { cicp, icc: bytes(&image.icc) })?)
}

/// Copies a plane of libavif's without its padding; an absent one comes out empty, which `Picture::new` refuses.
fn samples(plane: *const u8, row_bytes: u32, width: u32, height: u32, depth: Depth) -> Samples {
    let rows = (0..if plane.is_null() { 0 } else { height as usize }).map(|row| {
        let bytes = width as usize * if depth == Depth::Eight { 1 } else { 2 };
        // SAFETY: a decoded plane has `height` rows that are `row_bytes` apart, each holding at least `width` samples.
        let start = unsafe { plane.add(row * row_bytes as usize) };
        // SAFETY: see above; a row is initialised for its width.
        unsafe { slice::from_raw_parts(start, bytes) }
    });
    match depth {
        Depth::Eight => Samples::U8(rows.flatten().copied().collect()),
        Depth::Ten | Depth::Twelve => Samples::U16(
            rows.flat_map(|row| row.as_chunks().0.iter().map(|&sample| u16::from_ne_bytes(sample))).collect(),
        ),
    }
}

fn orientation(image: &sys::avifImage) -> Orientation {
    let has = |flag| image.transformFlags & flag != 0;
    Orientation {
        quarter_turns: if has(sys::AVIF_TRANSFORM_IROT) { image.irot.angle } else { 0 },
        mirror_axis: has(sys::AVIF_TRANSFORM_IMIR).then_some(image.imir.axis),
    }
}
