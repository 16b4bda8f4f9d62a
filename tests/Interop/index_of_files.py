"""An index of files (path and package, as Debian's Contents has it): the input of the tests that load much through a client.

    index_of_files.py

prints Debian's own index, which the package apt-file fetches, as lines "package<TAB>path".
"""
import glob
import subprocess
import sys


def debian():
    """Debian's index."""
    for name in sorted(glob.glob("/var/lib/apt/lists/*Contents*.lz4")):
        index = subprocess.Popen(["lz4", "-dc", name], stdout=subprocess.PIPE)
        for line in index.stdout:
            path, _, packages = line.rstrip(b"\n").rpartition(b" ")
            for package in packages.split(b","):
                yield package.rpartition(b"/")[2], path.rstrip()


def made_up(count):
    """Paths in the order of paths; a quarter of them in one package, the rest in ever smaller ones."""
    for number in range(count):
        package = 0 if number % 4 == 0 else int((number * 7919 % count) ** 0.5)
        yield "package-%d" % package, "usr/share/doc/%06d/datei-\u00e4\u6587.html" % number


def lines_of(name):
    with open(name, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            package, _, path = line.rstrip("\n").partition("\t")
            yield package, path


def rows(paths):
    """What an argument means: so many made-up paths, or a file with lines "package<TAB>path"."""
    return made_up(int(paths)) if paths.isdigit() else lines_of(paths)


if __name__ == "__main__":
    for package, path in debian():
        sys.stdout.buffer.write(package + b"\t" + path + b"\n")
