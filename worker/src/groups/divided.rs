//! `Divided`: the group that this process was given, once it has left it for one of its own below.
#![expect(clippy::disallowed_methods, reason = "its room: the files of control groups")]

use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, mkdirat, open, unlinkat};
use rustix::process::getpid;

use super::place::{CONTROLLERS, DIVIDED, NoGroups, PROCESSES, Place, not_alone};
use crate::descendants::beginning;

/// How much more of the processor the host has than a plugin, where both want all of it.
const WEIGHT_OF_HOST: &str = "1000";
/// How many groups are looked at for those of hosts that are gone.
const MAX_GROUPS: usize = 10_000;
/// What the names of all of ours begin with.
const OURS: &str = "aisoc";
/// The process that writes.
pub(super) const THIS: &str = "0";
/// Nobody else's.
pub(super) const MODE: Mode = Mode::RWXU;

/// A group that is divided. Dropping it puts this process back.
#[derive(Debug)]
pub(super) struct Divided {
    pub(super) place: PathBuf,
    pub(super) directory: OwnedFd,
    pub(super) maker: Maker,
    /// What each group below it has limits of.
    pub(super) controllers: Vec<&'static str>,
}

impl Divided {
    /// Goes into a group of its own, and hands on what there is to be divided.
    ///
    /// # Errors
    /// Why not. Then this process is where it was.
    pub(super) fn begin(Place { directory: place, controllers }: Place) -> Result<Self, NoGroups> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = open(&place, flags, Mode::empty()).map_err(io::Error::from);
        let directory = directory.map_err(failed("open", &place))?;
        let mut divided = Self { directory, maker: Maker::this(), controllers: Vec::new(), place };
        divided.remove_those_of_the_gone();
        // From here on, dropping it undoes what was done.
        divided.leave()?;
        divided.hand_on(controllers)?;
        Ok(divided)
    }

    fn own(&self) -> String {
        self.maker.group("host")
    }

    fn leave(&self) -> Result<(), NoGroups> {
        let own = self.place.join(self.own());
        mkdirat(&self.directory, self.own(), MODE).map_err(io::Error::from).map_err(failed("make", &own))?;
        fs::write(own.join(PROCESSES), THIS).map_err(failed("enter", &own))
    }

    fn hand_on(&mut self, given: Vec<&'static str>) -> Result<(), NoGroups> {
        for controller in given {
            match fs::write(self.place.join(DIVIDED), format!("+{controller}")) {
                Ok(()) => self.controllers.push(controller),
                Err(error) if error.kind() == ErrorKind::ResourceBusy => return Err(not_alone(&self.place)),
                Err(error) => return Err(failed("divide", &self.place)(error)),
            }
        }
        if self.controllers.contains(&"cpu") {
            let own = self.place.join(self.own());
            fs::write(own.join("cpu.weight"), WEIGHT_OF_HOST).map_err(failed("weigh", &own))?;
        }
        Ok(())
    }

    /// Removes what hosts that were killed have left. The system removes none in which anything runs.
    fn remove_those_of_the_gone(&self) {
        for name in aisoc_files::names_in(&self.place, MAX_GROUPS).unwrap_or_default() {
            let maker = name.to_str().and_then(Maker::of_group);
            if maker.is_some_and(|maker| !maker.is_there()) {
                let _ = unlinkat(&self.directory, &name, AtFlags::REMOVEDIR);
            }
        }
    }
}

impl Drop for Divided {
    /// As far as it goes: whoever gave the group takes it away with all that is in it.
    fn drop(&mut self) {
        for controller in CONTROLLERS {
            let _ = fs::write(self.place.join(DIVIDED), format!("-{controller}"));
        }
        let _ = fs::write(self.place.join(PROCESSES), THIS);
        let _ = unlinkat(&self.directory, self.own(), AtFlags::REMOVEDIR);
    }
}

/// For `map_err`: what was to be done, and where.
fn failed(act: &'static str, place: &Path) -> impl FnOnce(io::Error) -> NoGroups {
    move |error| NoGroups::because(format!("cannot {act} `{}`: {error}", place.display()))
}

/// Who has made a group: part of its name, and the process of that number that began then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Maker {
    id: u32,
    began: u64,
}

impl Maker {
    fn this() -> Self {
        let id = getpid().as_raw_nonzero().get().unsigned_abs();
        Self { id, began: beginning(id) }
    }

    /// The name of a group of its.
    pub(super) fn group(self, of: &str) -> String {
        format!("{OURS}-{}-{}.{of}", self.id, self.began)
    }

    /// Whose that group is; nothing for one that is none of ours.
    fn of_group(name: &str) -> Option<Self> {
        let (maker, of) = name.strip_prefix(OURS)?.strip_prefix('-')?.split_once('.')?;
        let (id, began) = maker.split_once('-')?;
        let found = Self { id: id.parse().ok()?, began: began.parse().ok()? };
        // Written as we write it, and in no other way.
        (found.group(of) == name && (of == "host" || of.parse::<u64>().is_ok())).then_some(found)
    }

    fn is_there(self) -> bool {
        beginning(self.id) == self.began
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_ours_by_its_name_and_of_a_process_that_is_gone_is_taken_away() {
        let this = Maker::this();
        for of in ["host", "0", "17"] {
            assert_eq!(Maker::of_group(&this.group(of)), Some(this));
        }
        assert!(this.is_there() && !Maker { began: this.began + 1, ..this }.is_there());
        for name in [
            "aisoc",
            "aisoc-1",
            "aisoc-1-2",
            "aisoc-1-2.",
            "aisoc-1-2.x",
            "aisoc-01-2.host",
            "user-1-2.host",
            "aisoc-1-2.host.x",
        ] {
            assert_eq!(Maker::of_group(name), None, "{name}");
        }
    }
}
