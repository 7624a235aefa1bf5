//! Decides by the key alone what happens to a source. This needs no request.

use model::Location;

use crate::skip_reason::SkipReason;
use crate::{Error, Plan, Role, RuleEffect};

/// What happens to a source, as far as its key decides.
#[derive(Debug, Clone, Copy)]
pub enum KeyDecision<'plan> {
    /// The source is converted with this plan: the one of its rule, or the plan of the function.
    Convert(&'plan Plan),
    /// The source is not converted.
    Skip {
        /// The reason, for the report.
        reason: &'static str,
    },
}

impl Plan {
    /// Decides what happens to a source.
    ///
    /// # Errors
    /// [`Error::ReservedKey`] if the outputs of the source could have the keys of other outputs.
    pub fn decide(&self, source: &Location) -> Result<KeyDecision<'_>, Error> {
        let skip = |reason: SkipReason| KeyDecision::Skip { reason: reason.text() };
        match Role::of(source) {
            Role::Source => {}
            Role::Output => return Ok(skip(SkipReason::OutputKey)),
            Role::Folder => return Ok(skip(SkipReason::FolderKey)),
            Role::Reserved => return Err(Error::ReservedKey { at: source.clone() }),
        }
        Ok(match self.rule_for(source).map(|rule| &rule.effect) {
            None => KeyDecision::Convert(self),
            Some(RuleEffect::Convert(plan)) => KeyDecision::Convert(plan),
            Some(RuleEffect::Skip) => skip(SkipReason::Rule),
        })
    }
}
