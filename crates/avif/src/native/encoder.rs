use std::ffi::CString;
use std::ptr::{self, NonNull};

use super::{Image, bytes, check, choice, explain, sys, text};
use crate::settings::Codec;
use crate::{Error, Playback, Settings};

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
        fields.quality = i32::from(settings.quantizer.quality().number());
        fields.qualityAlpha = LOSSLESS;
        #[cfg(feature = "system")]
        {
            fields.qualityGainMap = fields.quality;
        }
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

    /// Says how the images that are going to be added are played.
    pub(crate) fn set_playback(&mut self, playback: Playback) {
        // SAFETY: the object is alive and reached through this handle alone.
        let fields = unsafe { self.raw.as_mut() };
        fields.timescale = u64::from(playback.timescale.get());
        fields.repetitionCount = match playback.repetitions {
            // More often than anybody will watch is for ever.
            Some(repetitions) => i32::try_from(repetitions).unwrap_or(sys::AVIF_REPETITION_COUNT_INFINITE),
            None => sys::AVIF_REPETITION_COUNT_INFINITE,
        };
        fields.keyframeInterval = KEYFRAME_INTERVAL;
    }

    /// Encodes one still image.
    pub(crate) fn write(self, image: &Image<'_>) -> Result<Vec<u8>, Error> {
        let mut output = Output::default();
        // SAFETY: encoder, image and output are alive; the planes behind the image are only read and outlive the call.
        let result = unsafe { sys::avifEncoderWrite(self.raw.as_ptr(), image.raw.as_ptr(), &raw mut output.0) };
        self.explain("avifEncoderWrite", result)?;
        Ok(bytes(&output.0).unwrap_or_default())
    }

    /// Encodes the next image of a sequence, which is shown for that many ticks of its timescale.
    pub(crate) fn add(&mut self, image: &Image<'_>, ticks: u64) -> Result<(), Error> {
        let flags = sys::AVIF_ADD_IMAGE_FLAG_NONE;
        // SAFETY: encoder and image are alive; the planes behind the image are only read, and copied where they are needed
        // after the call.
        let result = unsafe { sys::avifEncoderAddImage(self.raw.as_ptr(), image.raw.as_ptr(), ticks, flags) };
        self.explain("avifEncoderAddImage", result)
    }

    /// Ends a sequence: the file.
    pub(crate) fn finish(self) -> Result<Vec<u8>, Error> {
        let mut output = Output::default();
        // SAFETY: encoder and output are alive.
        let result = unsafe { sys::avifEncoderFinish(self.raw.as_ptr(), &raw mut output.0) };
        self.explain("avifEncoderFinish", result)?;
        Ok(bytes(&output.0).unwrap_or_default())
    }

    fn explain(&self, call: &'static str, result: sys::avifResult) -> Result<(), Error> {
        // SAFETY: the encoder is alive until drop.
        let diagnostics = unsafe { self.raw.as_ref() }.diag.error;
        explain(call, result, &text(diagnostics.as_ptr()))
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

impl Default for Output {
    fn default() -> Self {
        Self(sys::avifRWData { data: ptr::null_mut(), size: 0 })
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // SAFETY: empty or allocated by libavif, freed only here.
        unsafe { sys::avifRWDataFree(&raw mut self.0) };
    }
}

/// libavif's `AVIF_QUALITY_LOSSLESS`, whose type differs between bindings.
const LOSSLESS: i32 = 100;

/// Pictures of a sequence from one that stands by itself to the next, at most: whoever jumps into the middle decodes no
/// more than these, which is ten seconds' worth at the usual rate.
const KEYFRAME_INTERVAL: i32 = 250;
