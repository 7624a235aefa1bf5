//! What a job is doing, for the reason of a job that does not finish before its deadline.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::config::interceptors::FinalizerInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use tokio::task_local;

task_local! {
    /// The progress of the job that this task works on.
    static PROGRESS: Arc<Progress>;
}

/// Where a job is, and the last request of the step that failed and is tried again.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    state: Mutex<(Step, Option<String>)>,
}

/// What a job waits for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// S3's answer about what is stored.
    #[default]
    LookUp,
    /// The source's bytes.
    Read,
    /// The conversion, or those of other images before it.
    Convert,
    /// S3's answers to writes and deletions.
    Store,
}

/// A step that was not finished at the deadline, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    step: Step,
    failure: Option<String>,
}

impl Progress {
    /// Runs a job with this as its progress.
    pub(crate) async fn scope<F: Future>(self: &Arc<Self>, job: F) -> F::Output {
        PROGRESS.scope(Arc::clone(self), job).await
    }

    /// The step at which the job is.
    pub(crate) fn unfinished(&self) -> Unfinished {
        let (step, failure) = self.state.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Unfinished { step, failure }
    }

    fn set(&self, change: impl FnOnce(&mut (Step, Option<String>))) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The job of this task begins a step.
pub(crate) fn begin(step: Step) {
    // A program that converts without a job has no progress.
    let _ = PROGRESS.try_with(|progress| progress.set(|state| *state = (step, None)));
}

impl fmt::Display for Unfinished {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (step, advice) = match self.step {
            Step::LookUp => ("waiting for S3 to say what is stored", NETWORK),
            Step::Read => ("reading the source from S3", NETWORK),
            Step::Convert => ("converting", "give the function more time or memory, or smaller batches"),
            Step::Store => ("writing to S3", NETWORK),
        };
        match &self.failure {
            Some(failure) => write!(to, "{step}; S3's last answer was {failure}; the event is tried again"),
            None => write!(to, "{step}; {advice}"),
        }
    }
}

const NETWORK: &str = "S3 did not answer in time: in a VPC, check the route to S3";

/// Writes down each answer that the SDK tries again.
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
        let is_retried = |status: u16| status >= 500 || status == 429;
        let failure = context.response().filter(|response| is_retried(response.status().as_u16())).map(|response| {
            let body = response.body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
            let code = body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
            format!("{} {}", response.status().as_u16(), code.map_or("without a code", |(code, _)| code))
        });
        // A request that succeeds ends what the one before it met.
        let _ = PROGRESS.try_with(|progress| progress.set(|(_, last)| *last = failure));
        Ok(())
    }
}
