use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap_complete::Shell;

#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// Name of the shell
    shell: Shell,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Man {
    /// Directory for the pages, one for each command. Without it, the main page is printed
    folder: Option<PathBuf>,
}

pub(crate) fn completions(arguments: &Completions, mut command: clap::Command) -> ExitCode {
    clap_complete::generate(arguments.shell, &mut command, "avif", &mut io::stdout());
    ExitCode::SUCCESS
}

pub(crate) fn man(arguments: &Man, command: clap::Command) -> anyhow::Result<ExitCode> {
    match &arguments.folder {
        Some(folder) => {
            fs::create_dir_all(folder)
                .and_then(|()| clap_mangen::generate_to(command, folder))
                .with_context(|| format!("cannot write to {}", folder.display()))?;
        }
        None => clap_mangen::Man::new(command).render(&mut io::stdout())?,
    }
    Ok(ExitCode::SUCCESS)
}
