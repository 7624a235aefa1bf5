use model::{Chroma, Depth, PlanarImage, Shape};

use crate::native::{self, Encoder, Image};
use crate::settings::Codec;
use crate::{Error, GainMap, Settings, Step, widen};

/// What travels in the file beside the pixels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attached {
    /// Exif, from its TIFF header on. Its orientation must be 1: the pixels are upright.
    pub exif: Option<Vec<u8>>,
    /// XMP, an RDF/XML packet.
    pub xmp: Option<Vec<u8>>,
    /// What makes it brighter on displays that can show that, where [`writes_gain_maps`](crate::writes_gain_maps).
    pub gain_map: Option<GainMap>,
}

/// Encodes one image as one AVIF file.
///
/// # Errors
/// [`Error::Unwritable`] for 12 bits, 4:2:2, and a gain map where none is written; otherwise what libavif or its codec reported.
pub fn encode(image: &PlanarImage, attached: &Attached, settings: &Settings) -> Result<Vec<u8>, Error> {
    let shape = image.shape();
    refuse_unwritable(shape)?;
    let codec = codec(image, attached, settings);
    if codec == Codec::Svt && shape.depth == Depth::Eight {
        return write(&widen::to_ten_bits(image)?, attached, settings, codec);
    }
    write(image, attached, settings, codec)
}

/// How finely the codec that this would be encoded by tells quantizers apart.
#[must_use]
pub fn quantizer_step(image: &PlanarImage, attached: &Attached, settings: &Settings) -> Step {
    Settings::step(codec(image, attached, settings))
}

fn codec(image: &PlanarImage, attached: &Attached, settings: &Settings) -> Codec {
    // A gain map goes through the same codec as the image, as alpha does, and is of other shapes.
    let more = image.alpha().is_some() || attached.gain_map.is_some();
    settings.codec(image.shape(), more, native::can_encode_with(Codec::Svt))
}

fn write(image: &PlanarImage, attached: &Attached, settings: &Settings, codec: Codec) -> Result<Vec<u8>, Error> {
    let mut encoder = Encoder::new(codec, settings)?;
    for (name, value) in settings.options(codec, image.shape().depth) {
        encoder.set_option(name, value)?;
    }
    if Settings::step(codec) == Step::Quarter && settings.quantizer.has_quarters() {
        encoder.set_option("crf", &format!("{:.2}", settings.quantizer.value()))?;
    }
    encoder.write(&native_image(image, attached)?)
}

/// What this crate reads but does not write.
pub(crate) fn refuse_unwritable(shape: Shape) -> Result<(), Error> {
    if shape.depth == Depth::Twelve {
        return Err(Error::Unwritable("12-bit depth"));
    }
    if shape.chroma == Chroma::Yuv422 {
        return Err(Error::Unwritable("4:2:2 chroma"));
    }
    Ok(())
}

/// The image and what travels with it, for an encoder to read.
pub(crate) fn native_image<'image>(
    image: &'image PlanarImage,
    attached: &'image Attached,
) -> Result<Image<'image>, Error> {
    let mut image = Image::borrowing(image)?;
    if let Some(exif) = &attached.exif {
        image.set_exif(exif)?;
    }
    if let Some(xmp) = &attached.xmp {
        image.set_xmp(xmp)?;
    }
    if let Some(map) = &attached.gain_map {
        image.set_gain_map(map)?;
    }
    Ok(image)
}
