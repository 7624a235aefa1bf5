//! The settings of a recipe that are one of a few words.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Which metadata of the source the variants contain. The color description is always kept, and the orientation is always
/// applied to the pixels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metadata {
    /// Exif and XMP are removed, including camera data, GPS position and thumbnail.
    #[default]
    Strip,
    /// Only creator, copyright notice, credit and usage terms are kept, in Exif and XMP.
    Copyright,
    /// Exif and XMP are copied, with the Exif orientation set to upright.
    Keep,
}

/// The resolution of the chroma planes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChromaMode {
    /// The content of the image decides.
    #[default]
    Auto,
    /// Half the width and half the height of the luma plane.
    Yuv420,
    /// The size of the luma plane.
    Yuv444,
}

/// What happens to an image of which a part is missing or damaged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DamagedMode {
    /// The image is rejected.
    #[default]
    Reject,
    /// The part that a browser shows is converted, with a note that names the missing part.
    Convert,
}

/// How the variants describe their colors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColorMode {
    /// The color profile is copied, unless readers cannot use it.
    #[default]
    Keep,
    /// A profile is replaced by the code points of sRGB or Display P3 if they describe the same colors: in no channel, the
    /// difference is more than one level of 8 bits. A copied AVIF source keeps its profile.
    Compact,
    /// The pixels are converted to sRGB with the rendering intent of the profile. Colors outside sRGB are clipped. PQ and
    /// HLG images, and AVIF sequences, stay unchanged.
    Srgb,
}

/// Which sources have a manifest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ManifestMode {
    /// Sources with several variants.
    #[default]
    Several,
    /// All sources.
    Always,
    /// No source. Manifests that are already stored stay.
    Never,
}

/// The text is none of the words of a setting.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{setting} {text:?} is none of {}", words.join(", "))]
pub struct UnknownWord {
    setting: &'static str,
    text: String,
    words: Vec<&'static str>,
}

/// Parses each word of a setting to a value, and displays the value as this word.
macro_rules! parse_words {
    ($mode:ident, $setting:literal, $($word:literal => $value:ident),+) => {
        impl FromStr for $mode {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$value),)+
                    _ => Err(UnknownWord { setting: $setting, text: text.to_owned(), words: vec![$($word),+] }),
                }
            }
        }

        impl fmt::Display for $mode {
            fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str(match self {
                    $(Self::$value => $word,)+
                })
            }
        }
    };
}

parse_words!(Metadata, "metadata", "strip" => Strip, "copyright" => Copyright, "keep" => Keep);
parse_words!(ChromaMode, "chroma", "auto" => Auto, "420" => Yuv420, "444" => Yuv444);
parse_words!(DamagedMode, "damaged", "reject" => Reject, "convert" => Convert);
parse_words!(ManifestMode, "manifest", "several" => Several, "always" => Always, "never" => Never);
parse_words!(ColorMode, "color", "keep" => Keep, "compact" => Compact, "srgb" => Srgb);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_word_is_reported_with_the_words_of_the_setting() {
        assert_eq!("444".parse(), Ok(ChromaMode::Yuv444));
        assert_eq!(ChromaMode::Yuv444.to_string(), "444");
        assert_eq!("copyright".parse(), Ok(Metadata::Copyright));
        assert_eq!(serde_json::to_string(&Metadata::Copyright).unwrap(), "\"copyright\"");
        let error = "422".parse::<ChromaMode>().unwrap_err().to_string();
        assert_eq!(error, r#"chroma "422" is none of auto, 420, 444"#);
    }
}
