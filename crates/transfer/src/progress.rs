//! What a job is doing, for the reason of a job that does not finish before its deadline.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::config::interceptors::FinalizerInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use tokio::task_local;

use crate::operation::status_meaning;

task_local! {
    /// The progress of the job that this task works on.
    static PROGRESS: Arc<Progress>;
}

/// The step at which a job is.
#[derive(Debug, Default)]
pub(crate) struct Progress(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    step: Step,
    /// Whether the step's requests had an answer.
    is_answered: bool,
    /// The last answer to a request of the step that made the SDK try it again.
    failure: Option<String>,
}

/// What a job waits for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// S3's answer, and the catalog's, about what is stored.
    #[default]
    LookUp,
    /// The source's bytes.
    Read,
    /// The conversion, or those of other images before it.
    Convert,
    /// S3's answers, and the catalog's, to writes and deletions.
    Store,
}

/// The step that the deadline interrupted, and why it took so long, as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterruptedStep {
    step: Step,
    is_answered: bool,
    failure: Option<String>,
}

impl Progress {
    /// Runs a job with this as its progress.
    pub(crate) async fn scope<F: Future>(self: &Arc<Self>, job: F) -> F::Output {
        PROGRESS.scope(Arc::clone(self), job).await
    }

    /// The deadline comes now.
    pub(crate) fn interrupted_step(&self) -> InterruptedStep {
        let State { step, is_answered, failure } = &*self.0.lock().unwrap_or_else(PoisonError::into_inner);
        InterruptedStep { step: *step, is_answered: *is_answered, failure: failure.clone() }
    }
}

/// The job of this task begins a step.
pub(crate) fn begin(step: Step) {
    change(|state| *state = State { step, ..State::default() });
}

/// A program that converts without a job has no progress.
fn change(change: impl FnOnce(&mut State)) {
    let _ = PROGRESS.try_with(|progress| change(&mut progress.0.lock().unwrap_or_else(PoisonError::into_inner)));
}

impl fmt::Display for InterruptedStep {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self.step {
            Step::LookUp => "waiting for S3 to say what is stored",
            Step::Read => "reading the source from S3",
            Step::Convert => "converting",
            Step::Store => "writing to S3",
        })?;
        match (&self.failure, self.step, self.is_answered) {
            (Some(failure), _, _) => write!(to, "; a request was answered with {failure}; try it again later"),
            (None, Step::Convert, _) => write!(to, "; give the function more time or memory, or smaller batches"),
            (None, _, true) => write!(to, "; give the function more time, or smaller batches"),
            (None, _, false) => {
                write!(to, "; no answer came: in a VPC, check the route to S3 and, for the catalog, to DynamoDB")
            }
        }
    }
}

/// Records the answers of the requests that the SDK tries again.
#[derive(Debug)]
pub(crate) struct RecordFailures;

impl Intercept for RecordFailures {
    fn name(&self) -> &'static str {
        "RecordFailures"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(response) = context.response() else { return Ok(()) };
        let status = response.status().as_u16();
        let is_retried = status >= 500 || status == 429;
        let body = response.body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
        let code = body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code);
        change(|state| {
            state.is_answered |= !is_retried;
            if is_retried {
                let code = code.or_else(|| status_meaning(status)).unwrap_or("without a code");
                state.failure = Some(format!("{status} {code}"));
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_depends_on_what_the_job_waited_for() {
        for (step, is_answered, failure, words) in [
            (Step::Convert, true, None, "converting; give the function more time or memory"),
            (Step::Read, true, None, "more time, or smaller batches"),
            (Step::LookUp, false, None, "no answer came: in a VPC"),
            (Step::Store, true, Some("503 SlowDown"), "answered with 503 SlowDown"),
        ] {
            let failure = failure.map(str::to_owned);
            let text = InterruptedStep { step, is_answered, failure }.to_string();
            assert!(text.contains(words), "{text}");
        }
    }

    #[tokio::test]
    async fn step_forgets_the_failures_of_the_step_before_it() {
        let progress = Arc::new(Progress::default());
        let failed = async {
            change(|state| state.failure = Some("503 SlowDown".into()));
            begin(Step::Convert);
        };
        progress.scope(failed).await;
        assert_eq!(
            progress.interrupted_step(),
            InterruptedStep { step: Step::Convert, is_answered: false, failure: None }
        );
    }
}
