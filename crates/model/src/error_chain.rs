/// Returns the message of an error and of its causes, on one line: `cannot read a.jpg: connection reset`.
#[must_use]
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let errors = std::iter::successors(Some(error), |error| error.source());
    errors.map(ToString::to_string).collect::<Vec<_>>().join(": ").replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use thiserror::Error;

    #[derive(Debug, Error)]
    #[error("cannot read a.jpg")]
    struct ReadError(#[source] std::io::Error);

    #[test]
    fn causes_follow_the_error_on_one_line() {
        let error = ReadError(std::io::Error::other("connection\nreset"));
        assert_eq!(error_chain(&error), "cannot read a.jpg: connection reset");
    }
}
