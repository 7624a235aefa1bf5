use std::num::NonZeroU32;

use model::{PlanarImage, Shape};

use crate::encode::{native_image, refuse_unwritable};
use crate::native::Encoder;
use crate::settings::Codec;
use crate::{Attached, Error, Settings, undate};

/// How the images of a sequence are played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Playback {
    /// Ticks a second.
    pub timescale: NonZeroU32,
    /// How often all of it is shown again after the first time; for ever where it is none.
    pub repetitions: Option<u32>,
}

/// An AVIF image sequence in the making. Images go in one after the other and only what they are encoded to is kept, so
/// that a long one takes no more memory than a short one.
pub struct Sequence<'attached> {
    encoder: Encoder,
    attached: &'attached Attached,
}

impl<'attached> Sequence<'attached> {
    /// A sequence of images that all have this shape, and all have alpha or none.
    ///
    /// # Errors
    /// [`Error::Unwritable`] for 12 bits and 4:2:2; otherwise what libavif reported.
    pub fn begin(
        shape: Shape,
        attached: &'attached Attached,
        settings: &Settings,
        playback: Playback,
    ) -> Result<Self, Error> {
        refuse_unwritable(shape)?;
        // SVT-AV1 takes a third of the time, but more bytes for the same image, and neither alpha nor 4:4:4.
        let mut encoder = Encoder::new(Codec::Aom, settings)?;
        encoder.set_playback(playback);
        for (name, value) in settings.sequence_options() {
            encoder.set_option(name, value)?;
        }
        Ok(Self { encoder, attached })
    }

    /// Adds an image that is shown for that many ticks.
    ///
    /// # Errors
    /// What libavif or its codec reported.
    pub fn add(&mut self, image: &PlanarImage, ticks: NonZeroU32) -> Result<(), Error> {
        self.encoder.add(&native_image(image, self.attached)?, u64::from(ticks.get()))
    }

    /// The file. The same images make the same one at any time.
    ///
    /// # Errors
    /// What libavif or its codec reported.
    pub fn finish(self) -> Result<Vec<u8>, Error> {
        let mut file = self.encoder.finish()?;
        undate::undate(&mut file);
        Ok(file)
    }
}
