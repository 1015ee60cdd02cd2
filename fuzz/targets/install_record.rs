//! Install records: what is accepted is written as it is read.
#![no_main]

use aisoc_manifests::fault::Reason;
use aisoc_packaging::InstallRecord;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|content: &[u8]| {
    let record = match InstallRecord::parse(content) {
        Ok(record) => record,
        Err(fault) => return assert_eq!(fault.reason(), Reason::RecordInvalid),
    };
    assert_eq!(record.schema_version, InstallRecord::SCHEMA_VERSION);
    let written = serde_json::to_vec_pretty(&record).expect("texts and numbers");
    let again = InstallRecord::parse(&written).expect("our own form");
    assert_eq!(again, record);
    assert_eq!(serde_json::to_vec_pretty(&again).expect("texts and numbers"), written);
});
