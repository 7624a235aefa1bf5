//! The choice of codec, depth and codec options for an image.

use std::num::NonZeroUsize;

use avif::{Attachments, Codec, CodecOption, Quantizer, QuantizerStep, Settings};
use model::{Chroma, Depth, OutputFormat, PlanarImage, Shape, Speed};

use super::{DecodedFile, Encoder};
use crate::error::EncodeError;
use crate::pixels::content::Content;
use crate::pixels::ten_bits;

/// The settings for encoding an image. The codec and its options are chosen later.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EncoderSettings {
    /// The quantizer of the colors. Alpha is always lossless, so that opaque pixels stay opaque and transparent pixels
    /// stay transparent.
    pub(crate) quantizer: Quantizer,
    /// A search uses quarters of a quantizer.
    pub(crate) precision: QuantizerStep,
    pub(crate) speed: Speed,
    pub(crate) content: Content,
    pub(crate) threads: NonZeroUsize,
}

/// Turns off palettes and intra block copy. For some photographs, libaom 3.11 wrongly detects screen content and uses
/// these two tools. The files are then up to four times as large. For screenshots, the two tools make files 20 to 50 %
/// smaller.
const NO_SCREEN_CONTENT_TOOLS: [CodecOption; 2] = [NO_PALETTE, NO_INTRA_BLOCK_COPY];
const NO_PALETTE: CodecOption = CodecOption { name: "color:enable-palette", value: "0" };
/// Intra block copy makes a screenshot 8 % smaller, but takes five times the CPU time, and 70 bytes of memory per
/// pixel. It is therefore used only at speeds below [`INTRA_BLOCK_COPY_BELOW`].
const NO_INTRA_BLOCK_COPY: CodecOption = CodecOption { name: "color:enable-intrabc", value: "0" };
pub(crate) const INTRA_BLOCK_COPY_BELOW: u8 = 6;

/// Options for 8-bit photographs with libaom 3.11. At equal SSIMULACRA2 score and CPU time, these options make files 6
/// to 9 % smaller than libaom's defaults. From 3.13 on, libaom has better defaults (tune=iq).
const TUNED_FOR_8_BITS: [CodecOption; 7] = [
    NO_PALETTE,
    NO_INTRA_BLOCK_COPY,
    CodecOption { name: "color:enable-qm", value: "1" },
    CodecOption { name: "color:qm-min", value: "2" },
    CodecOption { name: "color:qm-max", value: "10" },
    CodecOption { name: "color:enable-chroma-deltaq", value: "1" },
    CodecOption { name: "color:dist-metric", value: "qm-psnr" },
];

/// Options for 10-bit photographs with libaom 3.11. At 10 bits, steep quantization matrices like those for 8 bits make
/// files 17 to 28 % larger than libaom's defaults do. Flat quantization matrices make files 0 to 6 % smaller.
const TUNED_FOR_10_BITS: [CodecOption; 5] = [
    NO_PALETTE,
    NO_INTRA_BLOCK_COPY,
    CodecOption { name: "color:enable-qm", value: "1" },
    CodecOption { name: "color:qm-min", value: "9" },
    CodecOption { name: "color:qm-max", value: "15" },
];

/// Selects SVT-AV1's tuning for image quality. Of all its tunings, this one is the best for photographs.
const SVT_IMAGE_QUALITY: [CodecOption; 1] = [CodecOption { name: "tune", value: "3" }];

/// An encoder for one still image.
pub(crate) struct AvifEncoder<'a> {
    pub(crate) planar: &'a PlanarImage,
    pub(crate) attachments: &'a Attachments,
    /// The settings. Their quantizer is not used.
    pub(crate) settings: &'a EncoderSettings,
}

impl AvifEncoder<'_> {
    /// Whether SVT-AV1 encodes this image.
    pub(crate) fn uses_svt(&self) -> bool {
        self.settings.codec(self.planar, self.attachments) == Codec::Svt
    }
}

impl Encoder for AvifEncoder<'_> {
    fn format(&self) -> OutputFormat {
        OutputFormat::Avif
    }

    fn content(&self) -> Content {
        self.settings.content
    }

    fn step(&self) -> QuantizerStep {
        self.settings.quantizer_step(self.planar, self.attachments)
    }

    fn encode(&self, quantizer: Quantizer) -> Result<Vec<u8>, EncodeError> {
        let settings = EncoderSettings { quantizer, precision: QuantizerStep::Quarter, ..*self.settings };
        Ok(settings.encode(self.planar, self.attachments)?)
    }

    fn decode(&self, file: &[u8]) -> Result<DecodedFile, EncodeError> {
        let Shape { width, height, .. } = self.planar.shape();
        Ok(DecodedFile::Planar(avif::decode(file, width.saturating_mul(height))?.image))
    }
}

impl EncoderSettings {
    /// Encodes one still image.
    ///
    /// # Errors
    /// Returns the error of libavif or its codec.
    pub(crate) fn encode(&self, image: &PlanarImage, attachments: &Attachments) -> Result<Vec<u8>, avif::Error> {
        let codec = self.codec(image, attachments);
        // SVT-AV1 compresses 8-bit photographs better if it encodes them at 10 bits.
        if codec == Codec::Svt && image.shape().depth == Depth::Eight {
            let image = ten_bits::widen(image)?;
            return avif::encode(&image, attachments, &self.for_still(codec, Depth::Ten));
        }
        avif::encode(image, attachments, &self.for_still(codec, image.shape().depth))
    }

    /// Returns the distance between the quantizers that the codec for this image accepts.
    fn quantizer_step(&self, image: &PlanarImage, attachments: &Attachments) -> QuantizerStep {
        avif::quantizer_step(self.codec(image, attachments))
    }

    /// Returns the settings for an animation. The codec is always libaom: SVT-AV1 takes a third of libaom's time, but
    /// makes larger files than libaom and supports neither alpha nor 4:4:4. The tuned options are not set, because they
    /// were measured on still images only.
    pub(crate) fn for_sequence(&self) -> Settings {
        let options: &[CodecOption] = match self.content {
            Content::Photograph => &NO_SCREEN_CONTENT_TOOLS,
            Content::Graphic => &[NO_INTRA_BLOCK_COPY],
        };
        self.with(Codec::Aom, options)
    }

    fn for_still(&self, codec: Codec, depth: Depth) -> Settings {
        let options: &[CodecOption] = match (codec, depth) {
            (Codec::Svt, _) => &SVT_IMAGE_QUALITY,
            (Codec::Aom, _) if self.content == Content::Graphic || self.quantizer.is_lossless() => {
                if self.speed.number() < INTRA_BLOCK_COPY_BELOW { &[] } else { &[NO_INTRA_BLOCK_COPY] }
            }
            (Codec::Aom, _) if !avif::IS_BUNDLED => &NO_SCREEN_CONTENT_TOOLS,
            (Codec::Aom, Depth::Eight) => &TUNED_FOR_8_BITS,
            (Codec::Aom, Depth::Ten | Depth::Twelve) => &TUNED_FOR_10_BITS,
        };
        self.with(codec, options)
    }

    fn with(&self, codec: Codec, options: &'static [CodecOption]) -> Settings {
        let Self { quantizer, threads, .. } = *self;
        // At the same number, SVT-AV1 takes half of libaom's CPU time.
        let speed = if codec == Codec::Svt { self.speed.slower() } else { self.speed };
        Settings { codec, options, quantizer, precision: self.precision, speed, threads }
    }

    fn codec(&self, image: &PlanarImage, attachments: &Attachments) -> Codec {
        let shape = image.shape();
        // SVT-AV1 supports only 4:2:0, has no lossless mode in libavif, and makes files of graphics 20 % larger than
        // libaom does. libavif encodes alpha and a gain map with the same codec as the colors. SVT-AV1 is not suitable
        // for them, because alpha must be lossless, and a gain map has different dimensions than the image.
        let is_suitable = shape.chroma == Chroma::Yuv420
            && self.content == Content::Photograph
            && image.alpha().is_none()
            && attachments.gain_map.is_none()
            && !self.quantizer.is_lossless();
        // The range of sizes that SVT-AV1 supports (SVT-AV1, Docs/Parameters.md).
        let has_supported_size = (64..=16_384).contains(&shape.width) && (64..=8_704).contains(&shape.height);
        if is_suitable && has_supported_size && avif::can_encode_with(Codec::Svt) { Codec::Svt } else { Codec::Aom }
    }
}
