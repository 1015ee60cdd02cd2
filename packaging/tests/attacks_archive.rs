//! Every archive of the catalogue, through real staging, with canaries around it: one test per row,
//! and a number of mutants of all of them.

mod gauntlet;

use std::sync::LazyLock;

use aisoc_testkit::hostile::{Hostile, corpus};
use aisoc_testkit::mutants::Mutants;
use aisoc_testkit::world::World;
use gauntlet::{judge, run};

static CORPUS: LazyLock<Vec<Hostile>> = LazyLock::new(corpus);

/// Judges every layer of that row of the catalogue.
#[track_caller]
fn row(number: u16) {
    let world = World::new().expect("a world");
    let layers: Vec<_> = CORPUS.iter().filter(|hostile| hostile.row == number).collect();
    assert!(!layers.is_empty(), "the corpus has no layer of row {number}");
    for hostile in layers {
        if let Err(breach) = judge(&world, hostile) {
            panic!("{}: {breach}", hostile.name);
        }
    }
}

#[test]
fn refuses_a_link_in_place_of_a_file() {
    row(22);
}

#[test]
fn refuses_a_link_in_place_of_a_directory() {
    row(23);
}

#[test]
fn refuses_a_hard_link_in_place_of_a_file() {
    row(24);
}

#[test]
fn refuses_a_special_file_with_the_name_of_a_module() {
    row(25);
}

#[test]
fn dangerous_modes_of_files_are_normalised() {
    row(28);
}

#[test]
fn refuses_names_that_deceive() {
    row(29);
}

#[test]
fn refuses_names_that_are_not_utf8() {
    row(30);
}

#[test]
fn refuses_names_that_are_one_somewhere() {
    row(31);
}

#[test]
fn refuses_names_that_windows_reads_otherwise() {
    row(32);
}

#[test]
fn refuses_parent_directories_in_names() {
    row(102);
}

#[test]
fn refuses_absolute_names() {
    row(103);
}

#[test]
fn refuses_backslashes_and_drives() {
    row(104);
}

#[test]
fn refuses_second_spellings() {
    row(105);
}

#[test]
fn refuses_a_link_and_a_file_through_it() {
    row(106);
}

#[test]
fn refuses_chains_of_links() {
    row(107);
}

#[test]
fn refuses_hard_links() {
    row(108);
}

#[test]
fn refuses_a_link_and_a_directory_in_its_place() {
    row(109);
}

#[test]
fn refuses_a_hard_link_to_a_link() {
    row(110);
}

#[test]
fn refuses_a_link_and_a_file_in_its_place() {
    row(111);
}

#[test]
fn refuses_devices_pipes_and_unknown_kinds() {
    row(112);
}

#[test]
fn refuses_a_name_that_stands_twice() {
    row(113);
}

#[test]
fn refuses_members_that_are_one_somewhere() {
    row(114);
}

#[test]
fn refuses_a_file_that_is_a_directory_too() {
    row(115);
}

#[test]
fn refuses_two_sizes_of_one_entry() {
    row(116);
}

#[test]
fn refuses_extensions_that_readers_read_differently() {
    row(117);
}

#[test]
fn refuses_global_headers_that_set_anything() {
    row(118);
}

#[test]
fn refuses_sparse_files_and_odd_sizes() {
    row(119);
}

#[test]
fn refuses_what_is_cut_or_continued() {
    row(120);
}

#[test]
fn refuses_wrong_checksums() {
    row(121);
}

#[test]
fn refuses_too_many_too_long_and_too_deep() {
    row(122);
}

#[test]
fn refuses_bombs() {
    row(123);
}

#[test]
fn refuses_a_second_member_and_odd_headers() {
    row(124);
}

#[test]
fn refuses_another_form_than_the_media_type_says() {
    row(125);
}

#[test]
fn refuses_archives_of_nothing() {
    row(126);
}

#[test]
fn refuses_what_is_not_one_plugin() {
    row(127);
}

#[test]
fn closed_directories_are_normalised() {
    row(128);
}

#[test]
fn refuses_extended_attributes_and_ignores_owners() {
    row(129);
}

#[test]
fn ignores_times() {
    row(130);
}

#[test]
fn never_unpacks_an_inner_archive() {
    row(131);
}

#[test]
fn every_layer_of_the_corpus_belongs_to_a_row_that_is_tested() {
    let source = include_str!("attacks_archive.rs");
    for hostile in CORPUS.iter() {
        let call = format!("row({});", hostile.row);
        assert!(source.contains(&call), "row {}: {}", hostile.row, hostile.name);
    }
}

/// The full run is `examples/attack_staging.rs`.
#[test]
fn a_few_thousand_mutants_change_nothing_outside() {
    let world = World::new().expect("a world");
    let mutants = Mutants::of_seed(1);
    for number in 0..3_000 {
        let mutant = mutants.get(number);
        if let Err(breach) = run(&world, mutant.title, mutant.media_type, &mutant.layer) {
            panic!("mutant {number}: {breach}");
        }
    }
}
