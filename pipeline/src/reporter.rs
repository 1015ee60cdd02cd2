//! What happens, as facts for whoever watches.

/// Told what the pipeline does. Says nothing to anybody by itself.
pub trait Reporter: Sync {
    /// A step has begun: its verb, and on what.
    fn step(&self, verb: &str, object: &str);

    /// Bytes of a transfer so far, of how many.
    fn bytes(&self, verb: &str, done: u64, total: u64);
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Reporter for Silent {
    fn step(&self, _verb: &str, _object: &str) {}

    fn bytes(&self, _verb: &str, _done: u64, _total: u64) {}
}
