//! The first process of a confinement: it closes the layers behind itself, starts Python, and sees it to its end.

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};

use super::counting::count_alone;
use super::ending::code_of;
use super::order::{CONFINED, Confinement, Order, Said, Script, python};
use crate::sandbox::{Layer, Layers, drop_capabilities, filter, restrict, show_only};
use rustix::io::{Errno, write};
use rustix::process::{
    DumpableBehavior, Signal, WaitOptions, set_dumpable_behavior, set_parent_process_death_signal, wait,
};
use rustix::thread::set_no_new_privs;

pub(super) fn run(order: &Order, confinement: &Confinement) -> io::Result<u8> {
    // Where this is the first process of a namespace, everything else in that ends with it.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    set_no_new_privs(true)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let layers = close(confinement, order.bounds.tasks)?;
    let said = Said { goes_on: layers.are_whole() || !confinement.is_required, layers };
    say(&said)?;
    if !said.goes_on || order.script == Script::Nothing {
        return Ok(0);
    }
    let mut command = python(order);
    command.env("TMPDIR", &confinement.view.scratch).env("HOME", &confinement.view.scratch);
    if confinement.is_alone {
        // Ours is the way to the supervisor, who has both at one place.
        command.stdout(Stdio::from(io::stderr().as_fd().try_clone_to_owned()?));
    }
    let python = command.spawn()?;
    see_to_its_end(python.id()).map(code_of)
}

/// Each layer, as far as it goes: what of one cannot be had is none of the others'.
fn close(confinement: &Confinement, tasks: u64) -> io::Result<Layers> {
    let made = confinement.namespaces.clone().unwrap_or_else(|| Layer::missing("not made"));
    let namespaces = match made.is_active {
        true => show_only(&confinement.view).map_or_else(|failed| Layer::missing(failed.to_string()), |()| made),
        false => made,
    };
    if confinement.is_alone {
        // Behind the view, which is made of what only root reaches, and before anything is given up: this gives it anew.
        count_alone(tasks)?;
    }
    let without = drop_capabilities();
    let landlock = restrict(&confinement.view);
    let seccomp = match without {
        Ok(()) => filter(namespaces.is_active),
        // With capabilities a filter keeps less than it says.
        Err(failed) => {
            filter(namespaces.is_active);
            Layer::missing(failed.to_string())
        }
    };
    Ok(Layers { namespaces, landlock, seccomp })
}

/// On the channel to the caller, before anything else comes on it.
fn say(said: &Said) -> io::Result<()> {
    let line = format!("{CONFINED} {}\n", serde_json::to_string(said)?);
    let mut left = line.as_bytes();
    while !left.is_empty() {
        left = &left[write(io::stdin().as_fd(), left)?..];
    }
    Ok(())
}

/// Waits for every child, as nobody else does for what a plugin leaves, until Python has ended.
fn see_to_its_end(python: u32) -> io::Result<ExitStatus> {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((ended, status))) if u32::try_from(ended.as_raw_nonzero().get()) == Ok(python) => {
                return Ok(ExitStatus::from_raw(status.as_raw()));
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
