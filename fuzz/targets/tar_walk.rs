//! A layer that is a bare tar archive: see [`aisoc_fuzz::staging::check`].
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    aisoc_fuzz::archive::mutate_tar(&mut data[..max_size], size, seed)
});

fuzz_target!(|layer: &[u8]| aisoc_fuzz::staging::check(layer, "application/vnd.oci.image.layer.v1.tar"));
