//! A picture of the guest's screen.

use std::io::{self, Write as _};

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

/// The largest picture that is read, in pixels.
const LARGEST: usize = 64 << 20;

/// Pixels, row by row, each with red, green and blue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) pixels: Vec<u8>,
}

impl Picture {
    /// Reads a picture in the format PPM, as `screendump` writes it. Returns `None` for anything else.
    pub(crate) fn read(ppm: &[u8]) -> Option<Self> {
        let mut rest = ppm.strip_prefix(b"P6\n")?;
        let mut number = || {
            let end = rest.iter().position(u8::is_ascii_whitespace)?;
            let number = str::from_utf8(&rest[..end]).ok()?.parse::<usize>().ok()?;
            rest = &rest[end + 1..];
            Some(number)
        };
        let (width, height, most) = (number()?, number()?, number()?);
        let count = width.checked_mul(height).filter(|count| (1..=LARGEST).contains(count))?;
        let is_whole = most == 255 && rest.len() == count * 3;
        is_whole.then(|| Self { width, height, pixels: rest.to_vec() })
    }

    /// Returns the pixels of a part of it.
    pub(crate) fn area(&self, x: usize, y: usize, width: usize, height: usize) -> Vec<u8> {
        let row = |row: usize| (row * self.width + x) * 3..(row * self.width + x + width) * 3;
        (y..y + height).flat_map(|y| &self.pixels[row(y)]).copied().collect()
    }

    /// Returns the smallest part that has all differences to another picture of the same size: left, top, right and bottom.
    pub(crate) fn difference(&self, other: &Self) -> Option<[usize; 4]> {
        let pixels = self.pixels.chunks(3).zip(other.pixels.chunks(3)).enumerate();
        let different = pixels.filter(|(_, (a, b))| a != b).map(|(at, _)| (at % self.width, at / self.width));
        different.fold(None, |area, (x, y)| {
            let [left, top, right, bottom] = area.unwrap_or([x, y, x, y]);
            Some([left.min(x), top.min(y), right.max(x), bottom.max(y)])
        })
    }

    /// Returns it in another size; each pixel is the average of those it stands for.
    pub(crate) fn scaled(&self, width: usize, height: usize) -> Self {
        let mut pixels = Vec::with_capacity(width * height * 3);
        let range = |at: usize, count: usize, of: usize| {
            let start = at * of / count;
            start..((at + 1) * of / count).max(start + 1)
        };
        for y in 0..height {
            for x in 0..width {
                let (rows, columns) = (range(y, height, self.height), range(x, width, self.width));
                let (mut sum, count) = ([0; 3], rows.len() * columns.len());
                for row in rows {
                    for pixel in self.pixels[(row * self.width + columns.start) * 3..][..columns.len() * 3].chunks(3) {
                        (0..3).for_each(|n| sum[n] += usize::from(pixel[n]));
                    }
                }
                pixels.extend(sum.map(|sum| u8::try_from(sum / count).unwrap_or(u8::MAX)));
            }
        }
        Self { width, height, pixels }
    }

    /// Returns it as a PNG file.
    pub(crate) fn png(&self) -> io::Result<Vec<u8>> {
        let number = |number: usize| u32::try_from(number).map(u32::to_be_bytes).map_err(io::Error::other);
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
        for row in self.pixels.chunks(self.width * 3) {
            // No filter.
            packed.write_all(&[0])?;
            packed.write_all(row)?;
        }
        // Eight bits a channel, red, green and blue.
        let header = [&number(self.width)?[..], &number(self.height)?, &[8, 2, 0, 0, 0]].concat();
        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        for (name, data) in [(b"IHDR", header), (b"IDAT", packed.finish()?), (b"IEND", Vec::new())] {
            let mut crc = Crc::new();
            crc.update(name);
            crc.update(&data);
            png.extend(number(data.len())?);
            png.extend(name);
            png.extend(data);
            png.extend(crc.sum().to_be_bytes());
        }
        Ok(png)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: usize, height: usize, pixels: &[u8]) -> Picture {
        Picture { width, height, pixels: pixels.to_vec() }
    }

    #[test]
    fn a_ppm_file_is_read() {
        assert_eq!(Picture::read(b"P6\n2 1\n255\nabcdef"), Some(picture(2, 1, b"abcdef")));
        for wrong in
            [&b""[..], b"P6\n2 1\n255\nabcde", b"P5\n2 1\n255\nab", b"P6\n0 0\n255\n", b"P6\n9999999 9999999\n255\nx"]
        {
            assert_eq!(Picture::read(wrong), None);
        }
    }

    #[test]
    fn a_scaled_picture_has_the_averages() {
        let whole = picture(2, 2, &[0, 0, 0, 100, 0, 0, 0, 0, 40, 100, 40, 0]);
        assert_eq!(whole.scaled(1, 1), picture(1, 1, &[50, 10, 10]));
        assert_eq!(whole.scaled(2, 2), whole);
        assert_eq!(whole.scaled(4, 2).pixels[..12], [0, 0, 0, 0, 0, 0, 100, 0, 0, 100, 0, 0]);
    }

    #[test]
    fn the_difference_is_the_smallest_area() {
        let (a, mut b) = (picture(3, 3, &[0; 27]), picture(3, 3, &[0; 27]));
        assert_eq!(a.difference(&b), None);
        b.pixels[4 * 3] = 1;
        assert_eq!(a.difference(&b), Some([1, 1, 1, 1]));
        b.pixels[8 * 3 + 2] = 1;
        assert_eq!(a.difference(&b), Some([1, 1, 2, 2]));
    }
}
