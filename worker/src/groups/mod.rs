//! Control groups: what a plugin takes with all of its processes together, where this process was given a group to divide.
//!
//! Limits of a process hold for each process. A group of version 2 holds for all that a plugin started: its memory, its
//! number of processes, and its share of the processor. The system lets nobody divide a group in which processes are
//! (but its first one), so whoever was given one leaves it for a group of its own below it first, beside those of the
//! plugins. It was given to us where its keeper says so; that it could be written to is no word for it.

mod divided;
mod group;
mod place;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use self::divided::Divided;
pub(crate) use self::group::{Group, enter};
pub use self::place::NoGroups;
use self::place::{CONTROLLERS, Place};
use crate::sandbox::Layer;
use crate::shim::Bounds;

/// Groups below the one that this process was given. Once it is dropped, and no plugin is left, this process is back where it
/// was.
#[derive(Debug)]
pub struct Groups {
    divided: Arc<Divided>,
    made: AtomicU64,
}

impl Groups {
    /// Takes the group that this process was given, and goes into one of its own below it.
    ///
    /// # Errors
    /// Why there is none. Then this process is where it was.
    pub fn begin() -> Result<Self, NoGroups> {
        let divided = Arc::new(Divided::begin(Place::find()?)?);
        Ok(Self { divided, made: AtomicU64::new(0) })
    }

    /// What [`Groups::begin`] would come to here. Nothing is changed for that.
    pub fn look() -> Layer {
        match Place::find().and_then(Place::alone) {
            Ok(place) => layer(&place.controllers),
            Err(why) => Layer::missing(why.to_string()),
        }
    }

    /// What of it holds.
    pub fn layer(&self) -> Layer {
        layer(&self.divided.controllers)
    }

    /// Below which they are.
    pub(crate) fn place(&self) -> &Path {
        &self.divided.place
    }

    /// One for a plugin, with its limits.
    pub(crate) fn make(&self, bounds: &Bounds) -> io::Result<Group> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        Group::make(&self.divided, self.divided.maker.group(&number.to_string()), bounds)
    }
}

fn layer(controllers: &[&'static str]) -> Layer {
    let missing: Vec<_> = CONTROLLERS.into_iter().filter(|controller| !controllers.contains(controller)).collect();
    match missing.as_slice() {
        [] => Layer::active(controllers.join(", ")),
        missing => Layer::missing(format!("its control group has no {}", missing.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_are_the_layer() {
        assert_eq!(layer(&CONTROLLERS), Layer::active("memory, pids, cpu"));
        assert_eq!(layer(&["memory"]), Layer::missing("its control group has no pids, cpu"));
        assert_eq!(layer(&[]), Layer::missing("its control group has no memory, pids, cpu"));
    }
}
