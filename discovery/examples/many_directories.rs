//! How long a pass over many directories takes, beside reading the same files once.
//!
//! ```text
//! cargo run --release -p aisoc-discovery --example many_directories -- [PLUGINS] [DIR]
//! ```
//!
//! Makes that many plugins (10,000) in the shape of real connectors in a fresh directory in `DIR` (`/dev/shm`): a
//! manifest of 0.7 KB and four Python files, 38 KB together. Reads the manifest and every `*.py` of each by their names,
//! once, on as many threads as a pass has; then discovers. Both are processes of their own, in turns, the first pair
//! dropped. Prints the medians, their ratio, and the peak memory of a pass.
#![expect(clippy::print_stdout, reason = "a program whose output is its purpose")]

use std::env;
use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use aisoc_discovery::{Sources, discover};
use aisoc_files::parallel;
use aisoc_installation::Site;
use aisoc_packaging::{Limits, default_threads};

const ROUNDS: usize = 5;
const PYTHON: [(&str, usize); 4] =
    [("plugin.py", 5_800), ("client.py", 9_000), ("paging.py", 12_000), ("mapping.py", 10_300)];

fn manifest(number: usize) -> String {
    let words = "Reads system log events and sign-in anomalies from the tenant, and turns them into alerts. ".repeat(5);
    format!(
        "id: connector-{number:05}\nname: Connector {number}\nversion: \"1.{number}.0\"\nplugin_type: connector\n\
         description: >-\n  {words}\nauthor: Example Security <plugins@example.com>\nlicense: MIT\n\
         tags: [identity, sso, mfa, audit]\nentry_point: plugin.py\n"
    )
}

fn make(site: &Path, plugins: usize) -> std::io::Result<()> {
    for number in 0..plugins {
        let directory = site.join(format!("connector-{number:05}"));
        fs::create_dir(&directory)?;
        fs::write(directory.join("plugin.yaml"), manifest(number))?;
        for (name, bytes) in PYTHON {
            let line = format!("# {name} of connector {number}\n");
            fs::write(directory.join(name), &line.repeat(bytes / line.len() + 1)[..bytes])?;
        }
    }
    Ok(())
}

/// What has to be read in any case: the same files, by their names.
fn read(site: &Path) -> Result<(), Box<dyn Error>> {
    let mut directories = fs::read_dir(site)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    directories.sort();
    parallel::map(&directories, default_threads(), |directory| {
        let names = ["plugin.yaml"].into_iter().chain(PYTHON.map(|(name, _)| name));
        names.for_each(|name| drop(black_box(fs::read(directory.join(name)))));
    })?;
    Ok(())
}

/// Peak memory of this process, in KiB.
fn peak() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// One process: microseconds and peak memory.
fn measured(work: &str, site: &Path) -> Result<(Duration, u64), Box<dyn Error>> {
    let output = Command::new(env::current_exe()?).arg(work).arg(site).output()?;
    let text = String::from_utf8(output.stdout)?;
    let (microseconds, peak) = text.trim().split_once(' ').ok_or("no figures")?;
    Ok((Duration::from_micros(microseconds.parse()?), peak.parse()?))
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [work @ ("read" | "discover"), site] = &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        let (site, began) = (Path::new(site), Instant::now());
        match *work {
            "read" => read(site)?,
            _ => {
                let sources = Sources { site: Some(Site::at(site)), ..Sources::default() };
                let found = discover(&sources, &Limits::default())?;
                assert!(found.failed.is_empty() && !found.plugins.is_empty(), "{:?}", found.failed.first());
            }
        }
        println!("{} {}", began.elapsed().as_micros(), peak()?);
        return Ok(());
    }
    let plugins = arguments.first().map_or(Ok(10_000), |text| text.parse())?;
    let place = tempfile::tempdir_in(arguments.get(1).map_or("/dev/shm", String::as_str))?;
    make(place.path(), plugins)?;
    let (mut reads, mut passes, mut most) = (Vec::new(), Vec::new(), 0);
    for round in 0..=ROUNDS {
        let (read, (pass, peak)) = (measured("read", place.path())?.0, measured("discover", place.path())?);
        if round > 0 {
            reads.push(read);
            passes.push(pass);
            most = most.max(peak);
        }
    }
    reads.sort();
    passes.sort();
    let (read, pass) = (reads[ROUNDS / 2], passes[ROUNDS / 2]);
    let ratio = pass.as_secs_f64() / read.as_secs_f64();
    println!(
        "{plugins} plugins: read {read:.1?}, discovered {pass:.1?}, ratio {ratio:.2}, peak {} MiB",
        most.div_ceil(1024)
    );
    Ok(())
}
