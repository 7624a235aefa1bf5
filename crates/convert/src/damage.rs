//! The notes about damaged files that are converted nevertheless ([`model::DamagedMode::Convert`]).

use crate::Format;

/// What a damaged file lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Damage {
    /// This many of the image's rows are missing.
    Rows { missing: u32, of: u32 },
    /// Details are missing: only the first scans are complete. Each scan adds details to the whole image.
    ScansAfter(u32),
    /// The image is interlaced in seven passes, and only these are complete.
    Passes { complete: usize },
    /// All frames after this many frames are missing.
    FramesAfter(usize),
    /// No pixels are missing, but the decoder reported this error.
    Reported(String),
}

impl Damage {
    /// Returns a note for the user. All formats use the same form.
    pub(crate) fn note(&self, format: Format) -> String {
        let what = match self {
            Self::Rows { missing: 1, of } => format!("1 of its {of} rows is missing"),
            Self::Rows { missing, of } => format!("{missing} of its {of} rows are missing"),
            Self::ScansAfter(0) => "all details are missing, because its first scan is incomplete".into(),
            Self::ScansAfter(1) => "details are missing, because only its first scan is complete".into(),
            Self::ScansAfter(scans) => {
                format!("details are missing, because only its first {scans} scans are complete")
            }
            Self::Passes { complete } => format!("only {complete} of its 7 interlace passes are complete"),
            Self::FramesAfter(0) => "all frames of its animation are missing".into(),
            Self::FramesAfter(1) => "all frames after the first are missing".into(),
            Self::FramesAfter(frames) => format!("all frames after the first {frames} are missing"),
            Self::Reported(error) => error.clone(),
        };
        format!("damaged {format}: {what}; it was converted as browsers show it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn note_says_what_is_missing() {
        let note = |damage: Damage| damage.note(Format::PNG);
        assert_eq!(
            note(Damage::Rows { missing: 120, of: 480 }),
            "damaged PNG: 120 of its 480 rows are missing; it was converted as browsers show it"
        );
        assert_eq!(
            note(Damage::Rows { missing: 1, of: 2 }),
            "damaged PNG: 1 of its 2 rows is missing; it was converted as browsers show it"
        );
        assert_eq!(
            note(Damage::FramesAfter(7)),
            "damaged PNG: all frames after the first 7 are missing; it was converted as browsers show it"
        );
    }
}
