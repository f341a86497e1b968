plugins {
    alias(libs.plugins.android.library)
    alias(libs.plugins.kotlin.android)
}

// The native warp needs the NDK and CMake, so it is built on request: -Pcdfi.nativeWarp=true
val nativeWarp = providers.gradleProperty("cdfi.nativeWarp").map(String::toBoolean).getOrElse(false)

android {
    namespace = "io.github.cdfimobile.runtime.ort"
    compileSdk = 35

    defaultConfig {
        minSdk = 24
        consumerProguardFiles("consumer-rules.pro")
        ndk { abiFilters += listOf("arm64-v8a", "x86_64") }
        if (nativeWarp) {
            externalNativeBuild {
                cmake { arguments += "-DANDROID_STL=c++_static" }
            }
        }
    }

    if (nativeWarp) {
        externalNativeBuild {
            cmake { path = file("src/main/cpp/CMakeLists.txt") }
        }
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
}

kotlin {
    explicitApi()
    compilerOptions {
        jvmTarget = org.jetbrains.kotlin.gradle.dsl.JvmTarget.JVM_17
    }
}

dependencies {
    api(project(":core"))
    implementation(libs.onnxruntime.android)

    testImplementation(libs.junit.jupiter)
}

tasks.withType<Test>().configureEach { useJUnitPlatform() }
