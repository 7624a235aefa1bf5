//! `avif`: the function's work on files ([`convert`]), the function itself on this machine ([`demo`], [`local`]), and work
//! for the function in an account ([`backfill`]).
//!
//! **Architecture invariant:** no logic that the function lacks.

#![forbid(unsafe_code)]

mod account;
mod backfill;
mod convert;
mod demo;
mod deployment;
mod inputs;
mod inspect;
mod local;
mod manual;
mod metrics;
mod output;
mod settings;
mod table;

use std::io;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

/// Photographs to AVIF: files on this machine, or the Lambda function run on this machine.
#[derive(Debug, Parser)]
#[command(name = "avif", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Convert images: JPEG, PNG, WebP, GIF, TIFF, BMP and AVIF
    Convert(convert::Arguments),
    /// Show what an image or an AVIF is
    Inspect(inspect::Arguments),
    /// Show the function at work: S3, Lambda and `bootstrap` on this machine, from upload to report
    Demo(demo::Arguments),
    /// Keep an S3 with the function behind it running on this machine
    Local(local::Arguments),
    /// Convert the images that are in a bucket already, by S3 Batch Operations or an SQS queue
    Backfill(backfill::Arguments),
    /// Write a shell's completions to standard output
    Completions(manual::Completions),
    /// Write the manual pages
    Man(manual::Man),
}

fn main() -> ExitCode {
    // Where it cannot be had there is more to read, no more.
    let _ = avif::quiet_encoders();
    let library = format!("{}\n{}", env!("CARGO_PKG_VERSION"), avif::library());
    let matches = Arguments::command().version(library).get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let result = match arguments.command {
        Command::Convert(arguments) => convert::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Demo(arguments) => demo::run(arguments),
        Command::Local(arguments) => local::run(arguments),
        Command::Backfill(arguments) => backfill::run(&arguments),
        Command::Completions(arguments) => Ok(manual::completions(&arguments, Arguments::command())),
        Command::Man(arguments) => manual::man(&arguments, Arguments::command()),
    };
    result.unwrap_or_else(|error| {
        if let Some(Usage(message)) = error.downcast_ref() {
            Arguments::command().error(ErrorKind::ArgumentConflict, message).exit();
        }
        // A reader that went away wants no more.
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            return ExitCode::SUCCESS;
        }
        eprintln!("avif: {error:#}");
        ExitCode::FAILURE
    })
}

/// Arguments that do not go together, where clap cannot tell.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}
