use image::DynamicImage;
use model::OutputFormat;
use webpx::{AnimationEncoder, At};

use super::{Animation, crop_and_resize};
use crate::Error;
use crate::color::embedded::EmbeddedPixels;
use crate::error::EncodeError;
use crate::pixels::alpha::fill_transparent;
use crate::pixels::framing::Framing;
use crate::write::FileMetadata;

impl Animation {
    /// Encodes the frames as one animated WebP. `first` is the first frame, already cropped and resized. At a quality of 100,
    /// the frames are lossless. Exif and XMP are not written.
    pub(crate) fn encode_webp(
        &self,
        first: &DynamicImage,
        framing: Framing,
        quality: f32,
        metadata: &FileMetadata,
    ) -> Result<Vec<u8>, Error> {
        let size = framing.size;
        let failed = |error: At<webpx::Error>| {
            let error = EncodeError::Webp { message: error.to_string(), is_out_of_memory: false };
            Error::encode(OutputFormat::Webp, size, error)
        };
        let timing = &self.header.timing;
        // The number of plays is 16 bits (RFC 9649, section 2.7.1.1). 0 means forever.
        let plays =
            timing.playback.repetitions.map_or(0, |repetitions| repetitions.saturating_add(1).min(u16::MAX.into()));
        let mut encoder = AnimationEncoder::with_options(size.0, size.1, true, plays).map_err(failed)?;
        encoder.set_quality(quality);
        encoder.set_lossless(quality >= 100.0);
        if let Some(icc) = &metadata.icc {
            encoder.set_icc_profile(icc.clone());
        }
        let rest = self.frames_after_first()?.map(|frame| {
            let (frame, color) = frame?;
            let mut frame = crop_and_resize(frame, &color, framing)?;
            fill_transparent(&mut frame);
            Ok::<_, Error>(EmbeddedPixels::new(&frame, &color).pixels)
        });
        let mut ticks: u64 = 0;
        for (frame, duration) in std::iter::once(Ok(first.clone())).chain(rest).zip(&timing.ticks) {
            let frame: DynamicImage = frame?;
            encoder.add_frame_rgba(&frame.into_rgba8(), timing.milliseconds(ticks)).map_err(failed)?;
            ticks += u64::from(duration.get());
        }
        encoder.finish(timing.milliseconds(ticks)).map_err(failed)
    }
}
