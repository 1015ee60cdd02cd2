#![doc = include_str!("../README.md")]

pub mod blob;
pub mod copy;
pub mod layout;
pub mod options;
pub mod remote;

pub mod target;
