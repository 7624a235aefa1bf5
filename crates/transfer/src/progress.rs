//! The current step of a job. If the job does not finish before its deadline, the reason names the step.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::config::interceptors::FinalizerInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use tokio::task_local;

use crate::operation::status_meaning;

task_local! {
    /// The progress of the job that runs in this task.
    static PROGRESS: Arc<Progress>;
}

/// The current step of a job and the responses to its requests.
#[derive(Debug, Default)]
pub(crate) struct Progress(Mutex<StepState>);

#[derive(Debug, Default)]
struct StepState {
    step: Step,
    /// Whether a request of the step got a response that the SDK does not retry.
    has_response: bool,
    /// The last response of the step that the SDK retried.
    retried_response: Option<String>,
}

/// A step of a job.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Reads the state of the outputs from S3 and the catalog.
    #[default]
    LookUp,
    /// Reads the source from S3.
    Read,
    /// Waits for the conversion, or for earlier conversions of other images.
    Convert,
    /// Writes and deletes outputs in S3 and the catalog.
    Store,
}

/// The step that the deadline interrupted, with the reason of the delay if it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterruptedStep {
    step: Step,
    has_response: bool,
    retried_response: Option<String>,
}

impl Progress {
    /// Runs a job and records its progress in `self`.
    pub(crate) async fn scope<F: Future>(self: &Arc<Self>, job: F) -> F::Output {
        PROGRESS.scope(Arc::clone(self), job).await
    }

    /// Returns the current step, for the error at the deadline.
    pub(crate) fn interrupted_step(&self) -> InterruptedStep {
        let StepState { step, has_response, retried_response } =
            &*self.0.lock().unwrap_or_else(PoisonError::into_inner);
        InterruptedStep { step: *step, has_response: *has_response, retried_response: retried_response.clone() }
    }
}

/// Records that the job of this task begins a step.
pub(crate) fn begin_step(step: Step) {
    update(|state| *state = StepState { step, ..StepState::default() });
}

/// Updates the progress of the job in the current task. Does nothing in a task without a job.
fn update(update: impl FnOnce(&mut StepState)) {
    let _ = PROGRESS.try_with(|progress| update(&mut progress.0.lock().unwrap_or_else(PoisonError::into_inner)));
}

impl fmt::Display for InterruptedStep {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self.step {
            Step::LookUp => "looking up the stored variants in S3",
            Step::Read => "reading the source from S3",
            Step::Convert => "converting",
            Step::Store => "writing to S3",
        })?;
        match (&self.retried_response, self.step, self.has_response) {
            (Some(response), _, _) => write!(to, "; the last response to a request was {response}; try again later"),
            (None, Step::Convert, _) => write!(to, "; give the function more time or memory, or use smaller batches"),
            (None, _, true) => write!(to, "; give the function more time, or use smaller batches"),
            (None, _, false) => {
                write!(to, "; there was no response: in a VPC, check the route to S3 and, for the catalog, to DynamoDB")
            }
        }
    }
}

/// An interceptor of the AWS SDK that records the responses that the SDK retries.
#[derive(Debug)]
pub(crate) struct FailureRecorder;

impl Intercept for FailureRecorder {
    fn name(&self) -> &'static str {
        "FailureRecorder"
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
        update(|state| {
            state.has_response |= !is_retried;
            if is_retried {
                let code = code.or_else(|| status_meaning(status)).unwrap_or("without a code");
                state.retried_response = Some(format!("{status} {code}"));
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_depends_on_the_interrupted_step() {
        for (step, has_response, retried_response, expected) in [
            (Step::Convert, true, None, "converting; give the function more time or memory"),
            (Step::Read, true, None, "more time, or use smaller batches"),
            (Step::LookUp, false, None, "no response: in a VPC"),
            (Step::Store, true, Some("503 SlowDown"), "a request was 503 SlowDown"),
        ] {
            let retried_response = retried_response.map(str::to_owned);
            let text = InterruptedStep { step, has_response, retried_response }.to_string();
            assert!(text.contains(expected), "{text}");
        }
    }

    #[tokio::test]
    async fn new_step_clears_the_response_of_the_previous_step() {
        let progress = Arc::new(Progress::default());
        let job = async {
            update(|state| state.retried_response = Some("503 SlowDown".into()));
            begin_step(Step::Convert);
        };
        progress.scope(job).await;
        let expected = InterruptedStep { step: Step::Convert, has_response: false, retried_response: None };
        assert_eq!(progress.interrupted_step(), expected);
    }
}
