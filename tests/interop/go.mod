module atrest.test/interop

go 1.26.0

require (
	k8s.io/apiserver v0.37.2
	k8s.io/kms v0.37.2
)
