# SPDX-License-Identifier: GPL-2.0-only
# In the lab: images built on an image of a Debian by VMs on $device, which is /dev/vh or /dev/kvm
if [ $device = /dev/kvm ]; then modprobe kvm-intel || exit 2; else insmod ./vh.ko || exit 2; fi
grep -q ^nobody: /etc/passwd || echo nobody:x:65534:65534::/:/bin/sh >>/etc/passwd
modprobe tun && modprobe veth || exit 2
outside
on_outside httpd -p 192.0.2.1:80 -h /p/repo || exit 2
export VH_STORE=$PWD/store
# what vhctl has of the host, where this has busybox
for i in tar cp find; do rm -f /bin/$i && mv bin/$i /usr/bin/ || exit 2; done
rm -f /bin/sh && cp bin/dash /bin/sh || exit 2

image() { ./vhctl image "$@" >said 2>&1 </dev/null; }
says() { grep -q -- "$1" said || { cat said; return 1; }; }
refused() { # WORDS RECIPE
	! image build $2 && says "$1"
}
nothing_left() { [ -z "$(ls store/tmp)" ] && [ "$(./vhctl ls -j 2>/dev/null | grep -c image-build)" = 0 ] && ! pidof qemu-storage-daemon passt; }
calm() { n=0; until nothing_left || [ $n = 100 ]; do usleep 100000; n=$((n + 1)); done; [ $n -lt 100 ]; }
quick='mitigations=off cryptomgr.notests rodata=off tsc_early_khz=100000'

mkdir -p etc more/sub
echo "deb [trusted=yes] http://192.0.2.1/ ./" >etc/sources.list
echo "of the recipe" >more/sub/file
cat >web.recipe <<END
base = debian
cmdline = root=/dev/vda rw console=ttyS0 $quick
file = etc/sources.list /etc/apt/sources.list
file = more /opt/more
packages = greeting
run = greeting >/etc/greeted
run = echo "it is \$(hostname), \$(id -u)" >>/etc/greeted
memory = 320M
size = 1200M
label = role=web
END
check "a package, files and commands on a Debian" image build web.recipe web
[ $failed = 0 ] || { cat said; exit 1; }
check "prints its name" says '^web'
check "stands on it" sh -c './vhctl image show -j web | grep -q "\"parent\": *\"[0-9a-f]"'
check "is larger" sh -c './vhctl image show -j web | grep -q "\"size\": *1258291200"'
check "with its label" sh -c './vhctl image show web | grep -q "labels.role *web"'
check "the store is whole" image verify
check "and nothing is left" calm

# what is in it, by a recipe that says it
cat >look.recipe <<'END'
base = web
cmdline = root=/dev/vda rw QUICK --
run = cat /etc/greeting /etc/greeted /opt/more/sub/file /etc/hostname
run = false
END
sed -i "s/QUICK/$quick/" look.recipe # no console, and something for an init
check "a command that fails is told with its line" refused "look.recipe:4: run: 'false' failed" look.recipe
check "services are not started meanwhile" says "| policy 101"
check "a command's output" says "| good day"
check "root's, on this machine" says "| it is debian, 0"
check "a folder" says "| of the recipe"
check "no image of it, and nothing left" sh -c "! ./vhctl image show look 2>/dev/null"
check "quiet" calm

printf 'base = debian\ncmdline = root=/dev/vda rw console=ttyS0 %s\nfile = etc/sources.list /etc/apt/sources.list\npackages = greeting nonesuch\n' "$quick" >none.recipe
check "a package that there is not" refused "none.recipe:4: packages: debian has no package 'nonesuch'" none.recipe
printf 'base = nobody\nrun = true\n' >none.recipe
check "an image that there is not" refused "no image 'nobody'" none.recipe
printf 'base = debian\nsize = 10M\nrun = true\n' >none.recipe
check "smaller than it is" refused "want that or more" none.recipe
image new --from debian mine
printf 'base = mine\nrun = true\n' >none.recipe
check "a writable image" refused "writable" none.recipe
dd if=/bin/busybox of=raw bs=64k count=1 2>/dev/null; truncate -s 1M raw
image import --format raw raw bare
printf 'base = bare\nrun = true\n' >none.recipe
check "one without a kernel" refused "has no kernel" none.recipe
printf 'base = debian\ncmdline = root=/dev/vdz panic=-1 console=ttyS0 %s\nrun = true\n' "$quick" >none.recipe
check "one that does not boot" refused "cannot make it" none.recipe
check "nothing is left of these" calm

# killed
printf 'base = debian\ncmdline = root=/dev/vda rw console=ttyS0 %s\nrun = echo sleeping; sleep 1000\n' "$quick" >slow.recipe
./vhctl image build slow.recipe slow </dev/null >said 2>&1 &
n=0; until ./vhctl ls | grep -q image-build || [ $n = 300 ]; do usleep 100000; n=$((n + 1)); done
check "its VM is listed" [ $n -lt 300 ]
sleep 5
kill -9 $!
wait $! 2>/dev/null
check "killed, its VM ends and nothing is left" calm
check "the store is whole" image verify

# it boots
printf 'ls -a / /usr/sbin /var/lib/apt/lists >/tmp/all; grep "vh-build\|policy-rc.d\|192.0.2.1_" /tmp/all\ngrep -c . /tmp/all\necho o >/proc/sysrq-trigger\nsleep 100\n' >disk
truncate -s 4096 disk
check "a shell in the new image" sh -c "./vhctl run web --disk disk,format=raw,ro --cmdline 'root=/dev/vda rw console=ttyS0 quiet $quick init=/bin/sh -- /dev/vdb' </dev/null >said 2>&1"
check "looks around" grep -qE "^[0-9]{2,}" said
check "what it was made with is gone" sh -c "! grep -E 'vh-build|policy-rc.d|192.0.2.1_' said"
./vhctl run web --name web </dev/null >boot 2>&1 &
n=0; until grep -aq 'login:' boot || [ $n = 600 ]; do usleep 200000; n=$((n + 1)); done
check "the new image boots to its login" [ $n -lt 600 ]
./vhctl stop --timeout 60 web; wait $!
[ $device = /dev/kvm ] || rmmod vh
echo "$passed passed, $failed failed"
[ $failed = 0 ]
