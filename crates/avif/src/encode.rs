use model::{Chroma, Depth, PlanarImage, Shape};

use crate::attachments::Attachments;
use crate::codec::Codec;
use crate::error::Error;
use crate::library::quantizer_step;
use crate::native::encoder::Encoder;
use crate::native::image::Image;
use crate::quantizer::QuantizerStep;
use crate::settings::Settings;

/// Encodes one image to an AVIF file.
///
/// ```
/// use std::num::NonZeroUsize;
///
/// use avif::{Attachments, Codec, Quantizer, QuantizerStep, Settings};
/// use model::{Chroma, Cicp, Color, Depth, PlanarImage, Samples, Shape, Speed};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let shape = Shape { width: 64, height: 48, depth: Depth::Eight, chroma: Chroma::Monochrome };
/// let gray = Samples::U8(vec![128; 64 * 48]);
/// let image = PlanarImage::new(shape, vec![gray], None, Color { cicp: Cicp::SRGB, icc: None })?;
/// let settings = Settings {
///     codec: Codec::Aom,
///     options: &[],
///     quantizer: Quantizer::whole(20),
///     precision: QuantizerStep::Whole,
///     speed: Speed::default(),
///     threads: NonZeroUsize::MIN,
/// };
/// let file = avif::encode(&image, &Attachments::default(), &settings)?;
/// assert_eq!(avif::decode(&file, 64 * 48)?.image.shape(), shape);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Returns [`Error::UnsupportedInput`] if the image has 12 bits per sample or 4:2:2 chroma, or if libavif cannot write
/// its gain map. For all other failures, returns the error of libavif or its codec, for example if the codec does not
/// support the image's chroma.
pub fn encode(image: &PlanarImage, attachments: &Attachments, settings: &Settings) -> Result<Vec<u8>, Error> {
    check_supported(image.shape())?;
    let mut encoder = Encoder::new(settings)?;
    if settings.precision == QuantizerStep::Quarter && quantizer_step(settings.codec) == QuantizerStep::Quarter {
        set_quantizer(&mut encoder, settings.codec, settings.quantizer.value())?;
    }
    encoder.write(&native_image(image, attachments)?)
}

/// Sets a quantizer with the codec's own options.
fn set_quantizer(encoder: &mut Encoder, codec: Codec, quantizer: f32) -> Result<(), Error> {
    match codec {
        Codec::Svt => encoder.set_option("crf", &format!("{quantizer:.2}")),
        Codec::Aom => {
            // On average, libavif 1.4 maps its qualities to these levels of libaom's tune=iq (src/codec_aom.c).
            let level = 0.5 + 1.19 * quantizer;
            // libaom accepts only whole levels. A higher strength of the quantizer's variation within the image makes the
            // image as much better as a lower level. In the range of 70 to 130, 30 more changed the score of 11
            // photographs by 0.5 to 0.7, and the bytes at equal score by less than 1 %.
            let strength = 100.0 + 55.0 * (level.ceil() - level);
            encoder.set_option("color:cq-level", &format!("{:.0}", level.ceil()))?;
            encoder.set_option("color:deltaq-strength", &format!("{strength:.0}"))
        }
    }
}

/// Rejects the formats that this crate decodes but does not encode.
pub(crate) fn check_supported(shape: Shape) -> Result<(), Error> {
    if shape.depth == Depth::Twelve {
        return Err(Error::UnsupportedInput("12-bit depth"));
    }
    if shape.chroma == Chroma::Yuv422 {
        return Err(Error::UnsupportedInput("4:2:2 chroma"));
    }
    Ok(())
}

/// Creates an avifImage with these planes and attachments.
pub(crate) fn native_image<'image>(
    image: &'image PlanarImage,
    attachments: &'image Attachments,
) -> Result<Image<'image>, Error> {
    let mut image = Image::from_planar(image)?;
    if let Some(exif) = &attachments.exif {
        image.set_exif(exif)?;
    }
    if let Some(xmp) = &attachments.xmp {
        image.set_xmp(xmp)?;
    }
    if let Some(map) = &attachments.gain_map {
        image.set_gain_map(map)?;
    }
    Ok(image)
}
