//! Copies a disk and shows the progress: `cargo run --example backup -- /run/q.sock DISK-NODE TARGET-NODE`.
#![allow(clippy::print_stdout)]

use std::error::Error;

use qmpsh::address::Address;
use qmpsh::client::Client;
use serde_json::json;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let [address, disk, target] = std::env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "which disk?")?;
    let client = Client::connect(address.parse::<Address>()?).await?;

    let backup = json!({"job-id": "backup", "device": disk, "target": target, "sync": "full"});
    client.call::<()>("blockdev-backup", backup).await?;
    let mut job = client.job("backup");
    while let Some(state) = job.next().await? {
        if let Some(progress) = state.progress {
            println!("{} of {} bytes", progress.current, progress.total);
        }
    }
    println!("done");
    client.disconnect().await?;
    Ok(())
}
