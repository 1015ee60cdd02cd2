//! Install records: what is accepted is what we write, to the byte, and what we write is accepted.
#![no_main]

use aisoc_installation::InstallRecord;
use aisoc_manifests::fault::Reason;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|content: &[u8]| {
    match InstallRecord::parse(content) {
        Ok(record) => assert_eq!(record.to_text().expect("it was read"), content),
        Err(fault) => assert_eq!(fault.reason(), Reason::RecordInvalid),
    }
    // Chance finds no checksum: what would be a record gets the right one.
    let Ok(record) = serde_json::from_slice::<InstallRecord>(content) else { return };
    let text = record.to_text().expect("no larger than the input allows");
    match InstallRecord::parse(&text) {
        Ok(again) => assert_eq!(again, record),
        Err(fault) => {
            assert_eq!(fault.reason(), Reason::RecordInvalid);
            assert_ne!(record.schema_version, InstallRecord::SCHEMA_VERSION);
        }
    }
});
