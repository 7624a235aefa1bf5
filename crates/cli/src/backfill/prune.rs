//! `avif backfill --prune`: deletes the outputs that the settings do not contain any more.

use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;

use backfill::{Origin, PruneCounts, prune};
use indicatif::HumanCount;
use transfer::{Plan, Store};

use super::bar;
use crate::table;

/// Lists the obsolete outputs of the sources, and deletes them unless `is_dry_run` is true.
pub(super) async fn run(store: &Store, plan: &Plan, sources: &Origin, is_dry_run: bool) -> anyhow::Result<ExitCode> {
    let bar = bar(None);
    let on_obsolete = |output: &transfer::ObsoleteOutput| bar.suspend(|| println!("{}", output.at()));
    let on_page = |counts: PruneCounts| {
        bar.set_position(counts.listed);
        bar.set_message(format!("{} obsolete", HumanCount(counts.obsolete)));
    };
    let counts = prune(store, plan, sources, is_dry_run, on_obsolete, on_page).await?;
    bar.finish_and_clear();
    write!(std::io::stdout(), "{}", summary(counts, is_dry_run))?;
    Ok(ExitCode::SUCCESS)
}

fn summary(counts: PruneCounts, is_dry_run: bool) -> String {
    let PruneCounts { listed, obsolete, bytes, changed, foreign, without_source, not_converted } = counts;
    let (done, number) = if is_dry_run { ("would be deleted", obsolete) } else { ("deleted", obsolete - changed) };
    let mut text = format!(
        "Objects: {}. Obsolete outputs: {} ({}), {} {done}.\n",
        HumanCount(listed),
        HumanCount(obsolete),
        table::bytes(bytes),
        HumanCount(number)
    );
    let kept = [
        (changed, "they changed during the run", ". Run the command again."),
        (not_converted, "their source is not converted with these settings yet", ". Run a backfill first."),
        (
            without_source,
            "they have no source and could not be made again",
            ". Delete them yourself if nothing uses them.",
        ),
        (foreign, "avif-lambda did not create them", "."),
    ];
    for (count, reason, remedy) in kept.into_iter().filter(|(count, ..)| *count > 0) {
        // Writing to a `String` never fails.
        let _ = writeln!(text, "Kept, because {reason}: {}{remedy}", HumanCount(count));
    }
    text
}
