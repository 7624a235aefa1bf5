//! Lambda's Runtime API and an S3, on loopback.

#![forbid(unsafe_code)]
