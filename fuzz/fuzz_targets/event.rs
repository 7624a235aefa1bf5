//! Tests that any event is either parsed into jobs or rejected with an error message.

#![no_main]

use function::event::parse_event;
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Ok(value) = serde_json::from_slice(bytes) else { return Corpus::Reject };
    match parse_event(&value) {
        Ok(batch) => {
            for job in batch.jobs {
                let at = &job.source.at;
                assert!(!at.bucket.is_empty() && !at.key.is_empty(), "{job:?}");
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    Corpus::Keep
});
