#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| qmpsh_fuzz::server::check(bytes));
