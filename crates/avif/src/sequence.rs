use std::num::NonZeroU32;

use model::{PlanarImage, Shape};

use crate::attachments::Attachments;
use crate::encode::{check_supported, native_image};
use crate::error::Error;
use crate::native::encoder::Encoder;
use crate::playback::Playback;
use crate::settings::Settings;
use crate::timestamps::clear_timestamps;

/// Encodes an AVIF image sequence frame by frame. It keeps only the encoded frames, so its memory use does not grow
/// with the size of the decoded frames.
pub struct SequenceEncoder<'attachments> {
    encoder: Encoder,
    attachments: &'attachments Attachments,
}

impl<'attachments> SequenceEncoder<'attachments> {
    /// Starts a sequence. All frames must have this shape, and either all or none must have alpha.
    ///
    /// # Errors
    /// Returns [`Error::UnsupportedInput`] if the frames have 12 bits per sample or 4:2:2 chroma. For all other
    /// failures, returns the error of libavif.
    pub fn new(
        shape: Shape,
        attachments: &'attachments Attachments,
        settings: &Settings,
        playback: Playback,
    ) -> Result<Self, Error> {
        check_supported(shape)?;
        let mut encoder = Encoder::new(settings)?;
        encoder.set_playback(playback);
        Ok(Self { encoder, attachments })
    }

    /// Adds a frame with a duration of `ticks` (see [`Playback::timescale`]).
    ///
    /// # Errors
    /// Returns the error of libavif or its codec.
    pub fn add_frame(&mut self, image: &PlanarImage, ticks: NonZeroU32) -> Result<(), Error> {
        self.encoder.add_frame(&native_image(image, self.attachments)?, u64::from(ticks.get()))
    }

    /// Finishes the file. The same frames always produce the same bytes.
    ///
    /// # Errors
    /// Returns the error of libavif or its codec.
    pub fn finish(self) -> Result<Vec<u8>, Error> {
        let mut file = self.encoder.finish()?;
        clear_timestamps(&mut file)?;
        Ok(file)
    }
}
