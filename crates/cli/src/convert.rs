//! `avif convert`: converts files in the same way as the function converts objects.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context, anyhow, bail};
use indicatif::{ProgressBar, ProgressStyle};
use model::{
    Area, Background, ChromaMode, ColorMode, DamagedMode, FocalPoint, Formats, Limits, Location, Metadata,
    OutputFormat, Quality, Recipe, Size, Sizes, SourceInfo, Speed, Timings, VariantId, VariantStatus,
};
use serde::Serialize;
use transfer::{ConversionRequest, Layout, Plan, StorageOptions, TimeBudget, TimedConversion, convert_with_timings};

use crate::inputs::{self, Failure, Input};
use crate::{Usage, output, table};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Outputs have the same names as those of the function: photo.jpg becomes photo.jpg.avif, and photo.jpg.w640.avif at a \
width of 640. With --format, it also becomes photo.jpg.avif.webp and photo.jpg.avif.jpg.

Exit code: 0 if every input was converted, 1 if an input failed (each is named), 2 for wrong usage.

Examples:
  avif convert photo.jpg
  avif convert photos/ -o out/ --size full,1280,640
  avif convert photo.png -o small.avif --size 320 --quality 50
  avif convert photo.heic --format avif,webp,jpeg --size 640,1280
  avif convert portrait.jpg --size 256x256:cover --focus 0.5,0.3")]
pub(crate) struct Arguments {
    /// Image files, and directories with image files
    #[arg(required = true)]
    input: Vec<PathBuf>,
    /// Output directory, or a file name that ends in .avif, .webp or .jpg for one input at one size and format [default: the
    /// directory of each input]
    #[arg(short, long, value_name = "FILE|DIR")]
    output: Option<PathBuf>,
    /// "full" for the original size, a width in pixels (640), a box to fit into (640x360), or a box to fill, which crops
    /// (256x256:cover). Images are never enlarged. Can be repeated [default: full]
    #[arg(short = 'w', long, visible_alias = "width", value_delimiter = ',')]
    size: Vec<Size>,
    /// The point that crops keep, from 0,0 (top left) to 1,1 (bottom right) [default: the regions in the XMP of each image,
    /// else 0.5,0.5]
    #[arg(long, value_name = "X,Y")]
    focus: Option<FocalPoint>,
    /// Format: "avif", "webp" or "jpeg". Can be repeated [default: avif, or the format of the --output file]
    #[arg(short, long, value_delimiter = ',')]
    format: Vec<OutputFormat>,
    /// "visual:N" for the smallest file with an SSIMULACRA2 score of N (30 to 95), or 0 (smallest) to 100 (lossless)
    #[arg(short, long, default_value_t)]
    quality: Quality,
    /// Encoder speed: 0 (slowest, smallest files) to 10 (fastest)
    #[arg(short, long, default_value_t)]
    speed: Speed,
    /// "strip" removes Exif and XMP, "copyright" keeps only creator, copyright, credit and usage terms, "keep" copies Exif
    /// and XMP (from a TIFF only XMP). Color profiles are always kept
    #[arg(short, long, default_value = "strip")]
    metadata: Metadata,
    /// Chroma resolution: "auto", "420" (smaller files) or "444" (sharp color edges)
    #[arg(long, default_value = "auto")]
    chroma: ChromaMode,
    /// "keep" copies the color profile, "compact" replaces an sRGB or Display P3 profile by code points, "srgb" converts
    /// to sRGB
    #[arg(long, default_value = "keep")]
    color: ColorMode,
    /// The color behind transparent areas in a JPEG: six hexadecimal digits
    #[arg(long, default_value_t)]
    background: Background,
    /// "reject" fails for a truncated image, "convert" converts the part that a browser shows
    #[arg(long, default_value = "reject")]
    damaged: DamagedMode,
    /// Write a variant even if it is not smaller than its input
    #[arg(long)]
    keep_larger: bool,
    /// Replace existing outputs
    #[arg(long)]
    overwrite: bool,
    /// Print one JSON object per line for each input instead of the table
    #[arg(long)]
    json: bool,
}

/// An input file, and the output file for each variant.
struct Task {
    input: Input,
    outputs: BTreeMap<VariantId, PathBuf>,
}

/// What is the same for all inputs.
struct Converter {
    plan: Plan,
    focal_point: Option<FocalPoint>,
    overwrite: bool,
}

/// One line of the output with `--json`.
#[derive(Serialize)]
struct Line<'a> {
    input: String,
    #[serde(flatten)]
    result: &'a Outcome,
}

#[derive(Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum Outcome {
    Converted {
        bytes: u64,
        width: u32,
        height: u32,
        frames: u32,
        outputs: Vec<OutputFile>,
        notes: Vec<String>,
        timings: Timings,
    },
    Failed {
        reason: String,
    },
}

#[derive(Serialize)]
struct OutputFile {
    path: String,
    requested: Size,
    format: OutputFormat,
    width: u32,
    height: u32,
    /// The part of the input that the output shows, unless it shows the whole input.
    #[serde(skip_serializing_if = "Option::is_none")]
    crop: Option<Area>,
    bytes: u64,
    /// The SSIMULACRA2 score, if the quality search measured it.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
    /// Whether the file was written. This is false if the file would not be smaller than the input.
    written: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let sizes = if arguments.size.is_empty() { Sizes::default() } else { arguments.size.clone().try_into()? };
    let file = output_file(arguments)?;
    let formats = match (arguments.format.as_slice(), file) {
        ([], Some((_, format))) => vec![format].try_into()?,
        ([], None) => Formats::default(),
        (formats, _) => formats.to_vec().try_into()?,
    };
    let recipe = Recipe {
        sizes,
        quality: arguments.quality,
        speed: arguments.speed,
        metadata: arguments.metadata,
        chroma: arguments.chroma,
        color: arguments.color,
        damaged: arguments.damaged,
        formats,
        background: arguments.background,
    };
    let (inputs, mut failures) = inputs::find(&arguments.input);
    if inputs.is_empty() && failures.is_empty() {
        bail!(
            "no images in {}",
            arguments.input.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")
        );
    }
    let tasks = plan_tasks(inputs, &recipe, arguments.output.as_deref(), file, &mut failures)?;
    let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN).get();
    let workers = cores.min(tasks.len()).max(1);
    let limits = Limits::default();
    let plan = Plan {
        recipe,
        rules: vec![],
        // All workers share the memory limit of one conversion.
        limits: Limits { memory: limits.memory / workers as u64, ..limits },
        layout: Layout::default(),
        storage: StorageOptions { keep_larger: arguments.keep_larger, ..StorageOptions::default() },
        follow_deletions: false,
        threads: NonZeroUsize::new(cores / workers).unwrap_or(NonZeroUsize::MIN),
        processors: 1.0,
    };
    let converter = Converter { plan, focal_point: arguments.focus, overwrite: arguments.overwrite };
    let outcomes = convert_all(&tasks, &converter, workers);
    report(&tasks, &outcomes, &failures, arguments.json)?;
    failures.extend(tasks.iter().zip(&outcomes).filter_map(|(task, outcome)| match outcome {
        Outcome::Failed { reason } => Some((task.input.path.clone(), reason.clone())),
        Outcome::Converted { .. } => None,
    }));
    for (path, reason) in &failures {
        eprintln!("avif: {}: {reason}", path.display());
    }
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns the output and its format, if `--output` is the name of a file. A directory may have any name.
fn output_file(arguments: &Arguments) -> anyhow::Result<Option<(&Path, OutputFormat)>> {
    let Some(to) = arguments.output.as_deref().filter(|to| !to.is_dir()) else { return Ok(None) };
    let extension = to.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        Some("avif") => Ok(Some((to, OutputFormat::Avif))),
        Some("webp") => Ok(Some((to, OutputFormat::Webp))),
        Some("jpg" | "jpeg") => Ok(Some((to, OutputFormat::Jpeg))),
        Some(extension) if inputs::source_extensions().any(|source| source == extension) => Err(Usage(format!(
            "--output ends in .{extension}; expected a directory or a file name that ends in .avif, .webp or .jpg"
        ))
        .into()),
        Some(_) | None => Ok(None),
    }
}

/// Chooses the path of every output before the first output is written, so that two inputs never write the same file.
fn plan_tasks(
    inputs: Vec<Input>,
    recipe: &Recipe,
    to: Option<&Path>,
    file: Option<(&Path, OutputFormat)>,
    failures: &mut Vec<Failure>,
) -> anyhow::Result<Vec<Task>> {
    if let Some((file, format)) = file {
        let (inputs, sizes, formats) =
            (inputs.len(), recipe.sizes.iter().count(), recipe.formats.iter().collect::<Vec<_>>());
        let file = file.display();
        if inputs != 1 || sizes != 1 || formats.len() != 1 {
            let formats = formats.len();
            return Err(Usage(format!(
                "--output {file} is one file, but there are {inputs} inputs, {sizes} sizes and {formats} formats; choose a \
                 directory"
            ))
            .into());
        }
        if formats[0] != format {
            return Err(
                Usage(format!("--output {file} is the name of a {format}, but --format is {}", formats[0])).into()
            );
        }
    }
    let mut taken: HashMap<PathBuf, PathBuf> = HashMap::new();
    let mut tasks = vec![];
    for input in inputs {
        let at = Location { bucket: String::new(), key: input.key.clone() };
        let root = to.unwrap_or(&input.root);
        let place = |id| match file {
            Some((file, _)) => Ok(file.to_owned()),
            None => Layout::default().variant_location(&at, id).map(|variant| root.join(variant.key)),
        };
        let outputs: Result<BTreeMap<VariantId, PathBuf>, transfer::Error> =
            recipe.variants().map(|id| Ok((id, place(id)?))).collect();
        let outputs = match outputs {
            Ok(outputs) => outputs,
            Err(error) => {
                failures.push((input.path, error.to_string()));
                continue;
            }
        };
        // An output that is its own input would replace the only copy of the image.
        if let Some(output) = outputs.values().find(|output| is_same_file(output, &input.path)) {
            failures.push((input.path, format!("the output {} is the input; choose another name", output.display())));
            continue;
        }
        if let Some((output, other)) = outputs.values().find_map(|output| taken.get_key_value(output)) {
            failures.push((input.path, format!("{} is already the output of {}", output.display(), other.display())));
            continue;
        }
        taken.extend(outputs.values().map(|output| (output.clone(), input.path.clone())));
        tasks.push(Task { input, outputs });
    }
    Ok(tasks)
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// Converts the tasks on `workers` threads. The outcomes are in the order of the tasks.
fn convert_all(tasks: &[Task], converter: &Converter, workers: usize) -> Vec<Outcome> {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {eta} left  {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(tasks.len() as u64).with_style(style);
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(tasks.iter().map(|_| None).collect::<Vec<Option<Outcome>>>());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((index, task)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, tasks.get(i)?)))
                {
                    bar.set_message(task.input.path.display().to_string());
                    let outcome = convert_or_fail(task, converter);
                    bar.inc(1);
                    outcomes.lock().expect("no worker panics while it holds the lock")[index] = Some(outcome);
                }
            });
        }
    });
    bar.finish_and_clear();
    let outcomes = outcomes.into_inner().expect("no worker panics while it holds the lock");
    outcomes.into_iter().map(|outcome| outcome.expect("each task was processed by one worker")).collect()
}

/// Converts one input. If the conversion panics, only this input fails.
fn convert_or_fail(task: &Task, converter: &Converter) -> Outcome {
    let result = catch_unwind(AssertUnwindSafe(|| convert(task, converter)));
    let result = result.unwrap_or_else(|_| Err(anyhow!("the conversion panicked; please report this with the image")));
    result.unwrap_or_else(|error| Outcome::Failed { reason: format!("{error:#}") })
}

/// Locked while a worker converts an image that needs more memory than the worker's share.
static WHOLE_MEMORY: Mutex<()> = Mutex::new(());

fn convert(Task { input, outputs }: &Task, converter: &Converter) -> anyhow::Result<Outcome> {
    let Converter { plan, focal_point, overwrite } = converter;
    let overwrite = *overwrite;
    if !overwrite {
        output::must_not_exist(outputs.values())?;
    }
    let bytes = inputs::read(&input.path, plan.limits.bytes)?;
    let request = |limits| ConversionRequest {
        recipe: plan.recipe.clone(),
        focal_point: *focal_point,
        limits,
        threads: plan.threads,
        time: TimeBudget::default(),
        has_preview: false,
    };
    let TimedConversion { info, conversion, timings, .. } = match convert_with_timings(bytes, &request(plan.limits)) {
        // The image may fit into the memory limit of all workers together. Such images are converted one at a time.
        Err(transfer::Error::Convert(convert::Error::TooMuchMemory { .. })) => {
            let _guard = WHOLE_MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
            let limits = Limits { memory: Limits::default().memory, ..plan.limits };
            convert_with_timings(inputs::read(&input.path, limits.bytes)?, &request(limits))?
        }
        result => result?,
    };
    let mut files = vec![];
    for variant in conversion.variants {
        let path = outputs.get(&variant.id).context("the conversion returned a variant that was not requested")?;
        let written = plan.storage.variant_status(&variant, &info) == VariantStatus::Stored;
        if written {
            output::write(path, &variant.bytes, overwrite)?;
        } else if overwrite {
            // The variant is not written, so an existing file at this path is removed. It would be mistaken for the
            // output of this input.
            output::remove(path)?;
        }
        let (width, height, bytes) = (variant.width, variant.height, variant.bytes.len() as u64);
        files.push(OutputFile {
            path: path.display().to_string(),
            requested: variant.id.size,
            format: variant.id.format,
            width,
            height,
            crop: variant.crop,
            bytes,
            score: variant.score,
            written,
        });
    }
    let SourceInfo { width, height, bytes, frames, .. } = info;
    Ok(Outcome::Converted { bytes, width, height, frames, outputs: files, notes: conversion.notes, timings })
}

/// Prints the outcomes of all tasks. It is not an error if the program that reads standard output has exited.
fn report(tasks: &[Task], outcomes: &[Outcome], failures: &[Failure], json: bool) -> anyhow::Result<()> {
    let text = if json { lines(tasks, outcomes, failures) } else { rows(outcomes) };
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn lines(tasks: &[Task], outcomes: &[Outcome], failures: &[Failure]) -> String {
    let line = |path: &Path, result: &Outcome| {
        let line = Line { input: path.display().to_string(), result };
        serde_json::to_string(&line).expect("plain structs without maps always serialize") + "\n"
    };
    let not_started = failures.iter().map(|(path, reason)| line(path, &Outcome::Failed { reason: reason.clone() }));
    let started = tasks.iter().zip(outcomes).map(|(task, outcome)| line(&task.input.path, outcome));
    started.chain(not_started).collect()
}

fn rows(outcomes: &[Outcome]) -> String {
    let mut rows = table::table(["output", "size", "bytes", "saving", "score", "time"]);
    let mut notes = String::new();
    for outcome in outcomes {
        let Outcome::Converted { bytes: before, frames, outputs, notes: messages, timings, .. } = outcome else {
            continue;
        };
        let seconds = (timings.decode_ms + timings.transform_ms + timings.encode_ms) / 1000.0;
        for OutputFile { path, width, height, bytes, score, written, .. } in outputs {
            let name = if *written { path.clone() } else { format!("{path} (not smaller: not written)") };
            rows.add_row([
                name.into(),
                table::size(*width, *height, *frames).into(),
                table::bytes(*bytes).into(),
                table::saving(*before, *bytes),
                score.map_or_else(String::new, |score| format!("{score:.1}")).into(),
                format!("{seconds:.2} s").into(),
            ]);
        }
        let first = outputs.first().map(|file| file.path.clone()).unwrap_or_default();
        notes.extend(messages.iter().map(|note| format!("{first}: {note}\n")));
    }
    if rows.is_empty() { notes } else { format!("{rows}\n{notes}") }
}
