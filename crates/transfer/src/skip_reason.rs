use model::Outcome;

/// The reason to skip a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SkipReason {
    OutputKey,
    FolderKey,
    /// The first rule that matches the key skips it.
    Rule,
    UpToDate,
    /// The outputs were created from a later state of the source.
    OutputsAreNewer,
    /// The source is in a later state than the state that the event describes.
    SourceIsNewer,
    /// A client requests a variant of a source that does not exist.
    SourceAbsent,
    /// The source was deleted after it was created or overwritten.
    SourceDeleted,
    /// The outputs are not deleted, because the plan does not follow deletions.
    DeletionsIgnored,
    /// The source was deleted and has no outputs.
    NoOutputs,
}

impl SkipReason {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::OutputKey => "its key is the key of an output, which is never converted",
            Self::FolderKey => "its key is the key of a folder",
            Self::Rule => "a rule of AVIF_RULES skips it",
            Self::UpToDate => "its variants are stored already",
            Self::OutputsAreNewer => "superseded: the stored variants were created from a newer version",
            Self::SourceIsNewer => "superseded: a newer version exists and has its own event",
            Self::SourceAbsent => "the source does not exist",
            Self::SourceDeleted => "superseded: the source was deleted after this event",
            Self::DeletionsIgnored => {
                "the source was deleted; its variants are kept, because AVIF_FOLLOW_REMOVALS is false"
            }
            Self::NoOutputs => "the source does not exist and has no variants",
        }
    }

    pub(crate) fn outcome(self) -> Outcome {
        Outcome::Skipped { reason: self.text().into() }
    }
}
