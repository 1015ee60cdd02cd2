//! What several fuzz targets share. The README beside this crate says how to run them.

pub mod archive;
pub mod staging;
