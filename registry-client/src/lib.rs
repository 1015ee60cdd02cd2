#![doc = include_str!("../README.md")]

pub mod blob;
pub mod copy;
pub mod layout;
pub mod limits;
pub mod options;
pub mod remote;
pub mod target;
pub mod worker;

pub use blob::{BlobSource, BlobStream};
pub use limits::{Limits, Slowest};
pub use options::{ClientOptions, Credentials, Login, PlainHttp, Secret};
pub use target::{Fetch, Manifest, Push, Pushed, Resolve, Tagging, Target};
pub use worker::Worker;
