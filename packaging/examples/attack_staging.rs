//! Throws the catalogue's archives and any number of mutants of them at real staging, and counts.
//!
//! ```text
//! cargo run --release -p aisoc-packaging --example attack_staging -- [MUTANTS] [SEED]
//! ```
//!
//! Every layer is staged into a plugins directory with canaries, a sentinel file and the process's own
//! directory around it, in memory where that is possible; nothing of those may change. Prints one line
//! per fact and ends with 1 when something escaped, panicked or met another fate than it should, and
//! when another tar reader sees other files in what was taken. A panic is printed with its layer.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program whose output is its purpose")]

#[path = "../tests/gauntlet/mod.rs"]
mod gauntlet;

use std::cell::RefCell;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use aisoc_testkit::hostile::corpus;
use aisoc_testkit::mutants::Mutants;
use aisoc_testkit::world::World;
use gauntlet::{Breach, Verdict, judge, run};

#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicU64,
    refused: AtomicU64,
    escapes: AtomicU64,
    panics: AtomicU64,
    misjudged: AtomicU64,
}

impl Counts {
    fn add(&self, what: &str, outcome: Result<Verdict, Breach>) {
        let counter = match &outcome {
            Ok(Verdict::Accepted) => &self.accepted,
            Ok(Verdict::Refused(_)) => &self.refused,
            Err(Breach::Escaped(_)) => &self.escapes,
            Err(Breach::Panicked) => &self.panics,
            Err(Breach::Misjudged(_)) => &self.misjudged,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        if let Err(breach) = outcome {
            eprintln!("{what}: {breach}");
        }
    }

    fn line(&self, what: &str, started: Instant) -> String {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (accepted, refused) = (read(&self.accepted), read(&self.refused));
        let (escapes, panics, misjudged) = (read(&self.escapes), read(&self.panics), read(&self.misjudged));
        let archives = accepted + refused + escapes + panics + misjudged;
        format!(
            "{what}: {archives} archives, {refused} refused, {accepted} accepted, {misjudged} misjudged, \
             {escapes} escapes, {panics} panics, {:.1} s",
            started.elapsed().as_secs_f64()
        )
    }

    fn is_clean(&self) -> bool {
        [&self.escapes, &self.panics, &self.misjudged].iter().all(|counter| counter.load(Ordering::Relaxed) == 0)
    }
}

thread_local! {
    /// The layer that this thread is about, for whoever asks after a panic.
    static CURRENT: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Notes what comes next, and runs it.
fn noted<T>(what: &str, run: impl FnOnce() -> T) -> T {
    CURRENT.with_borrow_mut(|current| what.clone_into(current));
    run()
}

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("panic in {}: {panic}", CURRENT.with_borrow(String::clone));
    }));
    let mut words = std::env::args().skip(1);
    let mut number = |default: u64| words.next().map_or(Ok(default), |word| word.replace('_', "").parse());
    let (Ok(mutants), Ok(seed)) = (number(10_000), number(1)) else {
        eprintln!("usage: attack_staging [MUTANTS] [SEED]");
        return ExitCode::from(2);
    };
    let world = World::new().expect("a place to attack");
    // What is written relative to the process's own directory is then noticed to the nanosecond.
    std::env::set_current_dir(world.working()).expect("the place is there");
    let clean = crafted(&world) & mutated(mutants, seed);
    if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn crafted(world: &World) -> bool {
    let (counts, started) = (Counts::default(), Instant::now());
    for hostile in corpus() {
        let what = format!("row {}, {}", hostile.row, hostile.name);
        let outcome = noted(&what, || judge(world, &hostile));
        counts.add(&what, outcome);
    }
    println!("{}", counts.line("crafted", started));
    counts.is_clean()
}

/// Mutants on every core, each thread in a world of its own.
fn mutated(mutants: u64, seed: u64) -> bool {
    let (counts, started) = (Counts::default(), Instant::now());
    let (supply, next) = (Mutants::of_seed(seed), AtomicU64::new(0));
    let work = || {
        let world = World::new().expect("a place to attack");
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= mutants {
                return;
            }
            let mutant = supply.get(number);
            let what = format!("mutant {number} of seed {seed}");
            let outcome = noted(&what, || run(&world, mutant.title, mutant.media_type, &mutant.layer));
            counts.add(&what, outcome);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    println!("{}", counts.line(&format!("mutated, seed {seed}"), started));
    counts.is_clean()
}
