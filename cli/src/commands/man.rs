//! `aisoc man`: one page for `man` per command.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use aisoc_files::{Draft, Existing, PrivateDirectory, may_write_in};
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_pipeline::documents::ManualPages;
use clap::Command;
use clap_mangen::Man;

use crate::args::ManArgs;
use crate::context::Context;
use crate::output::{Answer, printable};

impl Answer for ManualPages {
    fn text(&self) -> String {
        self.paths.iter().map(|path| format!("{}\n", printable(path))).collect()
    }
}

pub(crate) fn run(args: ManArgs, context: &Context) -> Result<u8> {
    let pages = pages((context.commands.parser)())?;
    let home = match context.dry_run() {
        DryRun::Yes => {
            may_write_in(&args.out).map(|()| None).map_err(|error| Fault::io("write into", &args.out, error))?
        }
        DryRun::No => Some(home(&args.out)?),
    };
    let mut paths = Vec::new();
    for (name, page) in pages {
        let path = args.out.join(name);
        if let Some(home) = &home {
            write(home, &path, &page).map_err(|error| Fault::io("write", &path, error))?;
        }
        paths.push(path.display().to_string());
    }
    if home.is_none() {
        context.output.status("Would write", format!("{} pages in {}", paths.len(), args.out.display()));
    }
    context.output.answer(&ManualPages { paths })
}

fn home(out: &Path) -> Result<Arc<PrivateDirectory>> {
    fs::create_dir_all(out).map_err(|error| Fault::io("create the directory", out, error))?;
    let home = PrivateDirectory::create(out, ".aisoc-man-").map(Arc::new);
    home.map_err(|error| Fault::io("write into", out, error))
}

/// A page that a power cut loses can be made again.
fn write(home: &Arc<PrivateDirectory>, path: &Path, page: &[u8]) -> std::io::Result<()> {
    let draft = Draft::create_in(home, 0o644)?;
    draft.file().write_all(page)?;
    draft.place(path, Existing::Replace)
}

/// File name and content of every page: of the root, of each group, of each command.
fn pages(mut root: Command) -> Result<Vec<(String, Vec<u8>)>> {
    root.build();
    let version = root.get_version().unwrap_or_default().to_owned();
    let mut pages = Vec::new();
    let mut open = vec![root];
    while let Some(command) = open.pop() {
        open.extend(command.get_subcommands().filter(|inner| !inner.is_hide_set()).cloned());
        let page = Man::new(command).source(format!("aisoc {version}")).manual("aisoc manual");
        let mut text = Vec::new();
        let name = page.get_filename();
        page.render(&mut text).map_err(|error| Fault::io("write", Path::new(&name), error))?;
        pages.push((name, text));
    }
    pages.sort();
    Ok(pages)
}
