# SPDX-License-Identifier: GPL-2.0-only
# What 'make demo' shows, where vh is loaded: $vhctl, and a store in VH_STORE with the image; $more: more options of run
boot() { # IMAGE [OPTIONS...]: until it asks for a login
	echo "host: vhctl run $* --name web --net user --publish 8080:80"
	# shellcheck disable=SC2086
	$vhctl run "$@" --name web --net user --publish 8080:80 ${more:+"$more"} </dev/null >said 2>&1 &
	vm=$!
	until grep -aq 'login:' said; do
		kill -0 $vm 2>/dev/null || { cat said; exit 1; }
		sleep 1
	done
	sed 's/^/web: /' said | tail -n 3
}
visit() {
	echo "host: wget http://127.0.0.1:8080/"
	busybox wget -q -O - http://127.0.0.1:8080/ | tee visits
}
halt() {
	echo "host: vhctl stop web"
	$vhctl stop --timeout 120 web || exit 1
	wait $vm
	tail -n 1 said
}
boot debian --keep web
visit
$vhctl ls
halt
boot web # what it wrote has stayed
visit
halt
grep -q 'visits: 2' visits
