"""Pillow: pictures drawn, made small, written as PNG and JPEG and read again.

Needs: pillow
"""

import io
import time

from PIL import Image, ImageDraw, ImageFilter


def thumbnail(number):
    image = Image.new("RGB", (640, 480), (number % 256, 80, 120))
    draw = ImageDraw.Draw(image)
    for n in range(30):
        draw.line((n * 20, 0, 640 - n * 20, 480), fill=(255, n, 0), width=3)
    image = image.filter(ImageFilter.BLUR)
    image.thumbnail((128, 128))
    for form in ("PNG", "JPEG"):
        out = io.BytesIO()
        image.save(out, form)
        Image.open(io.BytesIO(out.getvalue())).load()


def main():
    print("READY", flush=True)
    number = 0
    while True:
        number += 1
        thumbnail(number)
        time.sleep(0.02)


if __name__ == "__main__":
    main()
