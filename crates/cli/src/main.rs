//! The command line tool `avif`. [`convert`] converts files in the same way as the function converts objects. [`demo`]
//! and [`local`] run the function on this machine. [`backfill`] converts the images that are already in a bucket.
//! [`picture`] prints HTML for the variants, and [`explain`] shows which settings hold for a key.
//!
//! **Architecture invariant:** the tool contains no conversion or storage logic that the function does not have.

#![forbid(unsafe_code)]

mod account;
mod backfill;
mod convert;
mod demo;
mod deployment;
mod explain;
mod inputs;
mod inspect;
mod local;
mod manual;
mod metrics;
mod output;
mod picture;
mod s3_url;
mod settings_arguments;
mod table;

use std::io;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

/// Convert images to AVIF locally, or run the Lambda function locally.
#[derive(Debug, Parser)]
#[command(name = "avif", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Convert image files: JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF and HEIC
    Convert(convert::Arguments),
    /// Show format, size, color and metadata of an image file
    Inspect(inspect::Arguments),
    /// Print the HTML <picture> element that shows the variants of a manifest
    Picture(picture::Arguments),
    /// Upload an image to a local S3, run the function `bootstrap` locally, and show the result
    Demo(demo::Arguments),
    /// Run a local S3 server that invokes the function for each upload
    Local(local::Arguments),
    /// Convert the images that are already in a bucket, with S3 Batch Operations or an SQS queue
    Backfill(backfill::Arguments),
    /// Show which rule and settings hold for a key, and the keys of its variants
    Explain(explain::Arguments),
    /// Print the completions for a shell
    Completions(manual::Completions),
    /// Write the manual pages
    Man(manual::Man),
}

fn main() -> ExitCode {
    // If this call fails, SVT-AV1 writes its log to standard error. The conversions still work, so the error is
    // ignored.
    let _ = avif::silence_svt_av1();
    let library = format!("{}\n{}", env!("CARGO_PKG_VERSION"), avif::library());
    let matches = Arguments::command().version(library).get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let result = match arguments.command {
        Command::Convert(arguments) => convert::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Picture(arguments) => picture::run(arguments),
        Command::Demo(arguments) => demo::run(arguments),
        Command::Local(arguments) => local::run(arguments),
        Command::Backfill(arguments) => backfill::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Completions(arguments) => Ok(manual::completions(&arguments, Arguments::command())),
        Command::Man(arguments) => manual::man(&arguments, Arguments::command()),
    };
    result.unwrap_or_else(|error| {
        if let Some(Usage(message)) = error.downcast_ref() {
            Arguments::command().error(ErrorKind::ArgumentConflict, message).exit();
        }
        // The program that reads standard output has exited, which is not an error.
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            return ExitCode::SUCCESS;
        }
        eprintln!("avif: {error:#}");
        ExitCode::FAILURE
    })
}

/// Invalid arguments that clap does not detect.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_accepts_the_definitions_of_all_arguments() {
        Arguments::command().debug_assert();
    }
}
