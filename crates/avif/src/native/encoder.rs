use std::ffi::CString;
use std::ptr::{self, NonNull};

use super::image::Image;
use super::library::codec_choice;
use super::result::{bytes, check, check_with_diagnostics, text};
use super::sys;
use crate::error::Error;
use crate::playback::Playback;
use crate::settings::Settings;

/// Owns an avifEncoder.
pub(crate) struct Encoder {
    raw: NonNull<sys::avifEncoder>,
}

impl Encoder {
    /// Creates an encoder with these settings and codec options.
    pub(crate) fn new(settings: &Settings) -> Result<Self, Error> {
        // SAFETY: the function takes no arguments. The result is checked for null.
        let raw = NonNull::new(unsafe { sys::avifEncoderCreate() });
        let mut encoder = Self { raw: raw.ok_or(Error::OutOfMemory { call: "avifEncoderCreate" })? };
        // SAFETY: the object is alive and is used only through this handle.
        let fields = unsafe { encoder.raw.as_mut() };
        fields.codecChoice = codec_choice(settings.codec);
        fields.maxThreads = i32::try_from(settings.threads.get()).unwrap_or(i32::MAX);
        fields.speed = i32::from(settings.speed.number());
        fields.quality = i32::from(settings.quantizer.quality().number());
        fields.qualityAlpha = LOSSLESS;
        #[cfg(feature = "system")]
        {
            fields.qualityGainMap = fields.quality;
        }
        for option in settings.options {
            encoder.set_option(option.name, option.value)?;
        }
        Ok(encoder)
    }

    /// Sets an option of the codec.
    pub(crate) fn set_option(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let c_name = CString::new(name).map_err(|_| Error::InvalidOption(name.to_owned()))?;
        let c_value = CString::new(value).map_err(|_| Error::InvalidOption(name.to_owned()))?;
        // SAFETY: the encoder is alive; both strings are NUL-terminated, and libavif copies them.
        let result =
            unsafe { sys::avifEncoderSetCodecSpecificOption(self.raw.as_ptr(), c_name.as_ptr(), c_value.as_ptr()) };
        check("avifEncoderSetCodecSpecificOption", result)
    }

    /// Sets the timing of the sequence.
    pub(crate) fn set_playback(&mut self, playback: Playback) {
        // SAFETY: the object is alive and is used only through this handle.
        let fields = unsafe { self.raw.as_mut() };
        fields.timescale = u64::from(playback.timescale.get());
        fields.repetitionCount = match playback.repetitions {
            // libavif stores the number of repetitions in 31 bits. For a larger number, the sequence is repeated
            // forever.
            Some(repetitions) => i32::try_from(repetitions).unwrap_or(sys::AVIF_REPETITION_COUNT_INFINITE),
            None => sys::AVIF_REPETITION_COUNT_INFINITE,
        };
        fields.keyframeInterval = KEYFRAME_INTERVAL;
    }

    /// Encodes one still image.
    pub(crate) fn write(self, image: &Image<'_>) -> Result<Vec<u8>, Error> {
        let mut output = Output::default();
        // SAFETY: encoder, image and output are alive; the planes of the image are only read and outlive the call.
        let result = unsafe { sys::avifEncoderWrite(self.raw.as_ptr(), image.raw.as_ptr(), &raw mut output.0) };
        self.check("avifEncoderWrite", result)?;
        Ok(bytes(&output.0).unwrap_or_default())
    }

    /// Encodes the next frame of a sequence, with a duration of `ticks`.
    pub(crate) fn add_frame(&mut self, image: &Image<'_>, ticks: u64) -> Result<(), Error> {
        let flags = sys::AVIF_ADD_IMAGE_FLAG_NONE;
        // SAFETY: encoder and image are alive; the planes of the image are only read, and libavif copies the planes
        // that it needs after the call.
        let result = unsafe { sys::avifEncoderAddImage(self.raw.as_ptr(), image.raw.as_ptr(), ticks, flags) };
        self.check("avifEncoderAddImage", result)
    }

    /// Finishes the sequence and returns the file.
    pub(crate) fn finish(self) -> Result<Vec<u8>, Error> {
        let mut output = Output::default();
        // SAFETY: encoder and output are alive.
        let result = unsafe { sys::avifEncoderFinish(self.raw.as_ptr(), &raw mut output.0) };
        self.check("avifEncoderFinish", result)?;
        Ok(bytes(&output.0).unwrap_or_default())
    }

    fn check(&self, call: &'static str, result: sys::avifResult) -> Result<(), Error> {
        // SAFETY: the encoder is alive until drop.
        let diagnostics = unsafe { self.raw.as_ref() }.diag.error;
        check_with_diagnostics(call, result, &text(diagnostics.as_ptr()))
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: the object was created by avifEncoderCreate and is freed only here.
        unsafe { sys::avifEncoderDestroy(self.raw.as_ptr()) };
    }
}

/// A byte buffer that libavif allocates.
struct Output(sys::avifRWData);

impl Default for Output {
    fn default() -> Self {
        Self(sys::avifRWData { data: ptr::null_mut(), size: 0 })
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // SAFETY: the buffer is empty or was allocated by libavif, and is freed only here.
        unsafe { sys::avifRWDataFree(&raw mut self.0) };
    }
}

/// libavif's `AVIF_QUALITY_LOSSLESS`. This constant has our own type, because the type of libavif's constant differs
/// between the bundled and the generated bindings.
const LOSSLESS: i32 = 100;

/// The maximum number of frames between keyframes. To seek, a viewer decodes at most this many frames: ten seconds at
/// 25 frames per second.
const KEYFRAME_INTERVAL: i32 = 250;
