//! `avif backfill --prune`: deletes the outputs that the settings do not contain any more.

use std::fmt::Write as _;
use std::io::Write;
use std::process::ExitCode;

use backfill::{Origin, PruneCounts, PruneEvent, prune};
use indicatif::HumanCount;
use transfer::{Plan, Store};

use super::bar;
use crate::table;

/// Lists the obsolete outputs of the sources, and deletes them unless `is_dry_run` is true. Returns a failure if an object could
/// not be checked or deleted.
pub(super) async fn run(store: &Store, plan: &Plan, sources: &Origin, is_dry_run: bool) -> anyhow::Result<ExitCode> {
    let bar = bar(None);
    let on_event = |event: PruneEvent<'_>| {
        match event {
            PruneEvent::Obsolete(output) => {
                return bar.suspend(|| writeln!(std::io::stdout(), "{}", output.at()));
            }
            PruneEvent::Failed(error) => bar.suspend(|| eprintln!("{error}")),
            PruneEvent::Page(counts) => {
                bar.set_position(counts.listed);
                bar.set_message(format!("{} obsolete", HumanCount(counts.obsolete)));
            }
        }
        Ok(())
    };
    let counts = prune(store, plan, sources, is_dry_run, on_event).await?;
    bar.finish_and_clear();
    write!(std::io::stdout(), "{}", summary(counts, is_dry_run))?;
    Ok(if counts.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn summary(counts: PruneCounts, is_dry_run: bool) -> String {
    let PruneCounts { listed, obsolete, bytes, changed, foreign, without_source, not_converted, failed } = counts;
    let [listed, obsolete] = [listed, obsolete].map(HumanCount);
    let done = if is_dry_run { ", which would be deleted" } else { "" };
    let mut text = format!("{listed} objects, {obsolete} obsolete outputs ({}){done}.\n", table::bytes(bytes));
    let kept = [
        (failed, "could not be checked or deleted. The reasons are above."),
        (changed, "kept: they changed during the run. Run the command again."),
        (not_converted, "kept: their source is not converted with these settings. Run a backfill first."),
        (
            without_source,
            "kept: they have no source and could not be made again. If nothing uses them, delete them yourself.",
        ),
        (foreign, "kept: avif-lambda did not create them."),
    ];
    for (count, reason) in kept.into_iter().filter(|(count, _)| *count > 0) {
        // Writing to a `String` never fails.
        let _ = writeln!(text, "{} {reason}", HumanCount(count));
    }
    text
}
