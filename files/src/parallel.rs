//! Work on many items with a few threads, which says the same thing every time.

use std::io;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Beyond this the disk or the memory bus is the limit.
const MAX_THREADS: usize = 8;

/// How many threads the work on files takes by default: one per core, and at most 8.
pub fn default_threads() -> NonZeroUsize {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    NonZeroUsize::new(cores.min(MAX_THREADS)).unwrap_or(NonZeroUsize::MIN)
}

/// Applies `work` to every item; the results are in order of items.
///
/// # Errors
/// Those of starting a thread.
pub fn map<T: Sync, U: Send>(items: &[T], threads: NonZeroUsize, work: impl Fn(&T) -> U + Sync) -> io::Result<Vec<U>> {
    let next = AtomicUsize::new(0);
    run(items, threads, &next, work)
}

/// As [`map`], for work that can fail: nothing is begun after a failure, and of several the one of the
/// earliest item counts.
///
/// # Errors
/// Those of starting a thread, outside; those of the work, inside.
pub fn try_map<T: Sync, U: Send, E: Send>(
    items: &[T],
    threads: NonZeroUsize,
    work: impl Fn(&T) -> Result<U, E> + Sync,
) -> io::Result<Result<Vec<U>, E>> {
    let next = AtomicUsize::new(0);
    let done = run(items, threads, &next, |item| {
        let result = work(item);
        if result.is_err() {
            next.store(items.len(), Ordering::Relaxed);
        }
        result
    });
    Ok(done?.into_iter().collect())
}

/// Hands out items until `next` is beyond them. An item that was handed out is finished, whatever becomes of
/// the others, so that those before the earliest failure are all there.
fn run<T: Sync, U: Send>(
    items: &[T],
    threads: NonZeroUsize,
    next: &AtomicUsize,
    work: impl Fn(&T) -> U + Sync,
) -> io::Result<Vec<U>> {
    let worker = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { return done };
            done.push((index, work(item)));
        }
    };
    let mut done = match threads.get().min(items.len()) {
        0 | 1 => worker(),
        threads => on_threads(threads, next, items.len(), &worker)?,
    };
    // No number is there twice, and a stable sort needs room for all of it once more.
    done.sort_unstable_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

/// The calling thread works too. What panics elsewhere panics here.
fn on_threads<R: Send>(
    threads: usize,
    next: &AtomicUsize,
    end: usize,
    worker: &(impl Fn() -> Vec<R> + Sync),
) -> io::Result<Vec<R>> {
    thread::scope(|scope| {
        let spawn = |_| thread::Builder::new().spawn_scoped(scope, worker);
        let others: io::Result<Vec<_>> = (1..threads).map(spawn).collect();
        // Those that did start have nothing more to do for a caller that gets no result.
        let others = others.inspect_err(|_| next.store(end, Ordering::Relaxed))?;
        let mut done = worker();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        Ok(done)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn threads(number: usize) -> NonZeroUsize {
        NonZeroUsize::new(number).expect("not zero")
    }

    #[test]
    fn results_are_in_order_of_items_on_any_number_of_threads() {
        let items: Vec<usize> = (0..100).collect();
        for number in [1, 2, 7, 200] {
            let doubled = map(&items, threads(number), |item| item * 2).expect("threads");
            assert_eq!(doubled, items.iter().map(|item| item * 2).collect::<Vec<_>>(), "{number}");
        }
        assert!(map(&[] as &[usize], threads(2), |item| *item).expect("none").is_empty());
    }

    #[test]
    fn the_earliest_failure_counts_and_ends_the_work() {
        let items: Vec<usize> = (0..10_000).collect();
        let begun = AtomicUsize::new(0);
        for number in [1, 4] {
            begun.store(0, Ordering::Relaxed);
            let failing = |item: &usize| {
                begun.fetch_add(1, Ordering::Relaxed);
                if *item % 10 == 3 { Err(*item) } else { Ok(()) }
            };
            assert_eq!(try_map(&items, threads(number), failing).expect("threads"), Err(3), "{number}");
            assert!(begun.load(Ordering::Relaxed) < 5_000, "{number}");
        }
    }
}
