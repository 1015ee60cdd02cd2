#![doc = include_str!("../README.md")]

pub mod address;
pub mod artifact;
pub mod canonical;
pub mod capability;
pub mod digest;
pub mod fault;
pub mod file_map;
pub mod id;
pub mod json;
pub mod oci;
pub mod path;
pub mod plugin;
pub mod reason;
pub mod reference;
pub mod value;
pub mod yaml;
