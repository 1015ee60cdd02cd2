//! A layer in gzip: see [`aisoc_fuzz::staging::check`].
#![no_main]

use aisoc_manifests::oci::LAYER_MEDIA_TYPE;
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    aisoc_fuzz::archive::mutate_gzip(&mut data[..max_size], size, seed)
});

fuzz_target!(|layer: &[u8]| aisoc_fuzz::staging::check(layer, LAYER_MEDIA_TYPE));
