//! Situations from public reports and scripts of people who drive QEMU: a file for each kind.

mod descriptors;
mod hints;
mod hmp_failures;
