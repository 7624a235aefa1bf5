use std::ptr::NonNull;
use std::slice;

use model::{Chroma, Cicp, Color, Depth, PlanarImage, Samples, Shape};

use super::result::{bytes, check, check_with_diagnostics, text};
use super::sys;
use crate::attachments::Attachments;
use crate::error::Error;
use crate::file::{Aperture, DecodedFile, Header, Orientation};

/// Owns an avifDecoder.
pub(crate) struct Decoder {
    raw: NonNull<sys::avifDecoder>,
}

impl Decoder {
    /// Creates a decoder that rejects images with more than `max_pixels` pixels.
    pub(crate) fn new(max_pixels: u32) -> Result<Self, Error> {
        // SAFETY: the function takes no arguments. The result is checked for null.
        let raw = NonNull::new(unsafe { sys::avifDecoderCreate() });
        let mut decoder = Self { raw: raw.ok_or(Error::OutOfMemory { call: "avifDecoderCreate" })? };
        // SAFETY: the object is alive and is used only through this handle.
        let fields = unsafe { decoder.raw.as_mut() };
        // libavif rejects a limit above its default limit.
        fields.imageSizeLimit = max_pixels.clamp(1, sys::AVIF_DEFAULT_IMAGE_SIZE_LIMIT);
        // With only this flag, libavif is as lenient as browsers. It does not require a `pixi` box, because early
        // encoders wrote none. It does not check the clean aperture, because our own code applies it.
        fields.strictFlags = sys::AVIF_STRICT_ALPHA_ISPE_REQUIRED;
        Ok(decoder)
    }

    /// Reads the boxes without decoding pixels.
    pub(crate) fn read_header(self, file: &[u8]) -> Result<Header, Error> {
        self.parse(file)?;
        let image = self.image("avifDecoderParse")?;
        let (depth, chroma) = (depth(image)?, chroma(image)?);
        Ok(Header {
            shape: Shape { width: image.width, height: image.height, depth, chroma },
            has_alpha: self.fields().alphaPresent != 0,
            color: color(image),
            attachments: attachments(image),
            aperture: aperture(image),
            orientation: orientation(image),
            frames: self.frames(),
        })
    }

    /// Decodes the image, or the first frame of a sequence.
    pub(crate) fn decode(self, file: &[u8]) -> Result<DecodedFile, Error> {
        self.parse(file)?;
        // SAFETY: the decoder is alive and has parsed its input.
        let result = unsafe { sys::avifDecoderNextImage(self.raw.as_ptr()) };
        check_with_diagnostics("avifDecoderNextImage", result, &self.diagnostics())?;
        let image = self.image("avifDecoderNextImage")?;
        Ok(DecodedFile {
            image: planar_image(image)?,
            is_premultiplied: image.alphaPremultiplied != 0,
            attachments: attachments(image),
            orientation: orientation(image),
            frames: self.frames(),
        })
    }

    fn parse(&self, file: &[u8]) -> Result<(), Error> {
        // SAFETY: the decoder is alive. The public functions consume the decoder while they borrow the slice, so the
        // decoder is dropped before the slice.
        let result = unsafe { sys::avifDecoderSetIOMemory(self.raw.as_ptr(), file.as_ptr(), file.len()) };
        check("avifDecoderSetIOMemory", result)?;
        // SAFETY: the decoder is alive and its input is set.
        let result = unsafe { sys::avifDecoderParse(self.raw.as_ptr()) };
        check_with_diagnostics("avifDecoderParse", result, &self.diagnostics())
    }

    fn fields(&self) -> &sys::avifDecoder {
        // SAFETY: the object is alive until drop.
        unsafe { self.raw.as_ref() }
    }

    /// Returns the image that the libavif function `call` has read.
    fn image(&self, call: &'static str) -> Result<&sys::avifImage, Error> {
        // SAFETY: the decoder owns an image after the first successful call. Before that call, the pointer is null, and
        // `as_ref` returns `None`.
        unsafe { self.fields().image.as_ref() }.ok_or(Error::OutOfMemory { call })
    }

    fn frames(&self) -> u32 {
        u32::try_from(self.fields().imageCount).unwrap_or(0)
    }

    fn diagnostics(&self) -> String {
        let diagnostics = self.fields().diag.error;
        text(diagnostics.as_ptr())
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: the object was created by avifDecoderCreate and is freed only here.
        unsafe { sys::avifDecoderDestroy(self.raw.as_ptr()) };
    }
}

fn depth(image: &sys::avifImage) -> Result<Depth, Error> {
    match image.depth {
        8 => Ok(Depth::Eight),
        10 => Ok(Depth::Ten),
        12 => Ok(Depth::Twelve),
        value => Err(Error::UnknownFormat { property: "depth", value }),
    }
}

fn chroma(image: &sys::avifImage) -> Result<Chroma, Error> {
    match image.yuvFormat {
        sys::AVIF_PIXEL_FORMAT_YUV400 => Ok(Chroma::Monochrome),
        sys::AVIF_PIXEL_FORMAT_YUV420 => Ok(Chroma::Yuv420),
        sys::AVIF_PIXEL_FORMAT_YUV422 => Ok(Chroma::Yuv422),
        sys::AVIF_PIXEL_FORMAT_YUV444 => Ok(Chroma::Yuv444),
        value => Err(Error::UnknownFormat { property: "pixel format", value }),
    }
}

fn color(image: &sys::avifImage) -> Color {
    let cicp = Cicp {
        primaries: image.colorPrimaries,
        transfer: image.transferCharacteristics,
        matrix: image.matrixCoefficients,
        full_range: image.yuvRange == sys::AVIF_RANGE_FULL,
    };
    Color { cicp, icc: bytes(&image.icc) }
}

fn attachments(image: &sys::avifImage) -> Attachments {
    Attachments { exif: bytes(&image.exif), xmp: bytes(&image.xmp), gain_map: None }
}

fn planar_image(image: &sys::avifImage) -> Result<PlanarImage, Error> {
    let (depth, chroma) = (depth(image)?, chroma(image)?);
    let shape = Shape { width: image.width, height: image.height, depth, chroma };
    let planes = (0..chroma.planes())
        .map(|plane| {
            let (width, height) = shape.plane_size(plane);
            samples(image.yuvPlanes[plane], image.yuvRowBytes[plane], width, height, depth)
        })
        .collect();
    let alpha = (!image.alphaPlane.is_null())
        .then(|| samples(image.alphaPlane, image.alphaRowBytes, image.width, image.height, depth));
    Ok(PlanarImage::new(shape, planes, alpha, color(image))?)
}

/// Copies a plane of libavif without its padding. A missing plane becomes an empty plane, which `PlanarImage::new`
/// rejects.
fn samples(plane: *const u8, row_bytes: u32, width: u32, height: u32, depth: Depth) -> Samples {
    let rows = (0..if plane.is_null() { 0 } else { height as usize }).map(|row| {
        let bytes = width as usize * if depth == Depth::Eight { 1 } else { 2 };
        // SAFETY: a decoded plane has `height` rows. The rows start `row_bytes` apart, and each row has at least
        // `width` samples.
        let start = unsafe { plane.add(row * row_bytes as usize) };
        // SAFETY: `start` is the first sample of a row, see above; libavif initialized the row up to its width.
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

fn aperture(image: &sys::avifImage) -> Option<Aperture> {
    let clap = &image.clap;
    // avif.h: the standard declares the fields unsigned, but their values are signed.
    let signed = u32::cast_signed;
    (image.transformFlags & sys::AVIF_TRANSFORM_CLAP != 0).then(|| Aperture {
        width: (signed(clap.widthN), signed(clap.widthD)),
        height: (signed(clap.heightN), signed(clap.heightD)),
        right: (signed(clap.horizOffN), signed(clap.horizOffD)),
        down: (signed(clap.vertOffN), signed(clap.vertOffD)),
    })
}
